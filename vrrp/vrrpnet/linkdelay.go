package vrrpnet

import (
	"slices"
	"time"
)

// linkDelay is what a router makes of its link: as it is, or as it was until a change has
// lasted for as long as it has to. It is pure.
type linkDelay struct {
	known bool
	up    bool          // what the router goes by
	since time.Duration // when it turned out to be the other way; 0 if it has not
}

// see takes over how the link is, and returns what the router is to go by, and when to look
// again; 0 for no more.
func (d *linkDelay) see(now time.Duration, up bool, downDelay, upDelay time.Duration) (is bool, again time.Duration) {
	switch {
	case !d.known:
		*d = linkDelay{known: true, up: up}
	case d.up == up:
		d.since = 0
	case d.since == 0:
		d.since = now
	}
	if d.since == 0 {
		return d.up, 0
	}
	delay := downDelay
	if up {
		delay = upDelay
	}
	if due := d.since + delay; now < due {
		return d.up, due
	}
	d.up, d.since = up, 0
	return up, 0
}

// forget has what is seen next count at once.
func (d *linkDelay) forget() { *d = linkDelay{} }

// linkTrouble returns why a router cannot serve for its link; "" if it can. It has the
// engine look again when that may change by itself.
func (e *Engine) linkTrouble(r *runner) string {
	if _, _, reason := e.around.find(&r.Instance); reason != "" {
		r.link.forget()
		r.relook = 0
		return ""
	}
	down := e.around.down(&r.Instance)
	up, again := r.link.see(e.now, down == "", r.LinkDownDelay, r.LinkUpDelay)
	r.relook = again
	if again != 0 && !slices.Contains(e.bouncing, r) {
		e.bouncing = append(e.bouncing, r)
	}
	switch {
	case up:
		return ""
	case down == "":
		return r.Interface + " has just come up"
	}
	return down + " is down"
}

// relook looks again at routers whose links have come or gone.
func (e *Engine) relook() {
	if len(e.bouncing) == 0 {
		return
	}
	due := slices.Clone(e.bouncing)
	e.bouncing = slices.DeleteFunc(e.bouncing, func(r *runner) bool { return r.relook <= e.now })
	for _, r := range due {
		if r.relook != 0 && r.relook <= e.now && e.runners[r.Name] == r {
			e.settle(r)
		}
	}
}

// nextRelook returns when that is due next, or 0.
func (e *Engine) nextRelook() time.Duration {
	var next time.Duration
	for _, r := range e.bouncing {
		if r.relook != 0 && (next == 0 || r.relook < next) {
			next = r.relook
		}
	}
	return next
}
