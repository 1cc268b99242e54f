package daemon

import (
	"context"
	"strings"
)

// inform keeps the service manager informed until the function that it returns is called:
// also while the last events are told of, and programs of the node run.
func (d *daemon) inform() (end func()) {
	d.phase.Store(new("starting"))
	ctx, cancel := context.WithCancel(context.Background())
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		d.systemd.watchdog(ctx, d.alive)
	}()
	go d.systemd.keepStatus(ctx, d.statusLine) // left behind should it wait for a part that hangs
	return func() {
		cancel()
		within(dumpLimit, func() { <-fed }) // a service manager that does not read keeps nobody
	}
}

// statusLine is what `systemctl status` shows.
func (d *daemon) statusLine() string {
	if phase := d.phase.Load(); phase != nil {
		return *phase
	}
	var parts []string
	if m := d.member; m != nil {
		parts = append(parts, standing(m.node.View(), d.situation(), m.holder.holding(), len(d.config().VIPs)))
	}
	if d.routers != nil {
		parts = append(parts, d.routers.statusLine())
	}
	return strings.Join(parts, "; ")
}
