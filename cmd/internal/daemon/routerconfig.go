package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// begin puts the first config in force, unless a reload was faster.
func (r *routers) begin(cfg *config.Config, secrets routerSecrets) error {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	if r.begun {
		return nil
	}
	switch err := r.enforce(cfg, secrets); {
	case err == nil, errors.Is(err, vrrpnet.ErrStopped): // the daemon ends already
		return nil
	case unchanged(err):
		return err
	default:
		r.log.Error("not all virtual routers are as wanted, which is tried again", "error", err)
		return nil
	}
}

// interfaces passes on what has become of the interfaces. Where they are others than
// before, devices with virtual MACs that have gone with their parents come back, and
// all is fenced anew before a router can begin there; what cannot be fenced begins all
// the same, since VRRP promises less. That one is down waits for nothing.
func (r *routers) interfaces(list []vrrpnet.Interface) {
	if r.devices.see(list) {
		r.configuring.Lock()
		defer r.configuring.Unlock()
		if err := r.shield.admit(r.setup.Load().routers); err != nil {
			r.log.Error("fencing virtual routers anew", "error", err)
		}
		r.devices.repair()
	}
	r.tellInterfaces()
	r.first.Do(func() { close(r.sighted) })
}

// tellInterfaces has the routers run where they can. The last to tell knows the latest.
func (r *routers) tellInterfaces() {
	r.telling.Lock()
	defer r.telling.Unlock()
	if err := r.engine.SetInterfaces(r.devices.usable()); err != nil && !errors.Is(err, vrrpnet.ErrStopped) {
		r.log.Error("telling the virtual routers of the interfaces", "error", err)
	}
}

// configure puts a config in force. Routers that it does not change go on as they
// are. If they cannot be fenced nothing changes. What takes something away comes
// last: a router says farewell by its device, and its addresses are fenced until they
// are gone.
func (r *routers) configure(cfg *config.Config, secrets routerSecrets) error {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	return r.enforce(cfg, secrets)
}

func (r *routers) enforce(cfg *config.Config, secrets routerSecrets) error {
	if r.stopped.Load() {
		return vrrpnet.ErrStopped // what was made now would be left behind
	}
	now, next := r.setup.Load(), newSetup(cfg)
	// What is new is written down before anything else, and what goes is not forgotten yet.
	if err := r.vips.Configure(next.beside(now)); errors.Is(err, vip.ErrLedger) || errors.Is(err, vip.ErrInvalid) {
		return err
	}
	if err := r.shield.admit(next.routers); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errUnfenced, err), r.vips.Configure(now.vips()))
	}
	refused := r.acceptance.set(now, next)
	r.devices.want(next.routers) // may take seconds, in which routers let go by the setup in force
	r.setup.Store(next)
	defer offer(r.poke, struct{}{})
	r.tellInterfaces()
	r.begun = true
	err := errors.Join(refused, r.engine.Configure(r.instances(next, secrets)), r.watchUnknown(cfg), r.finish())
	r.rankAnew()
	if unchanged(err) {
		return errors.New(err.Error()) // it is in force all the same
	}
	return err
}

// watchUnknown has the engine hear, or not, who is there besides.
func (r *routers) watchUnknown(cfg *config.Config) error {
	if cfg.Node.LogUnknownVRIDs {
		return r.engine.WatchUnknown()
	}
	return r.engine.IgnoreUnknown()
}

// finish takes away what the setup in force no longer has. It may be called again until
// it has.
func (r *routers) finish() error {
	s := r.setup.Load()
	err := r.vips.Configure(s.vips())
	if err == nil {
		err = errors.Join(r.devices.trim(), r.shield.settle(s.routers), r.acceptance.set(s))
	}
	r.unfinished = err != nil
	return err
}

// tendEvery is how often what did not go well is tried again.
const tendEvery = 5 * time.Second

// tend tries again what did not go well, until ctx ends.
func (r *routers) tend(ctx context.Context) error {
	for ctx.Err() == nil {
		pause(ctx, tendEvery)
		r.tryAgain()
	}
	return nil
}

func (r *routers) tryAgain() {
	r.configuring.Lock()
	defer r.configuring.Unlock()
	if r.stopped.Load() || !r.begun {
		return
	}
	if r.unfinished {
		if err := r.finish(); err != nil {
			r.log.Warn("virtual routers are still not as wanted", "error", err)
		}
	}
	switch mended, err := r.acceptance.mend(); {
	case err != nil:
		r.log.Error("putting back what refuses packets to virtual addresses", "error", err)
	case mended:
		r.log.Warn("what refuses packets to virtual addresses was removed by somebody else, and put back")
	}
	r.devices.repair()
	if slices.ContainsFunc(r.engine.Status(), func(s vrrpnet.Status) bool { return s.State == vrrp.Fault }) {
		r.tellInterfaces()
	}
}

func (r *routers) instances(s *setup, secrets routerSecrets) []vrrpnet.Instance {
	var list []vrrpnet.Instance
	for i := range s.routers {
		v := &s.routers[i]
		instance := v.instance(secrets[v.Name], r.shield.leases[v.Name])
		instance.Fault = r.faultAtFirst(v)
		list = append(list, instance)
	}
	return list
}
