package daemon

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// seen is what was last done about a router.
type seen struct {
	state     vrrp.State
	announces uint64
}

// carrierEvery is how long it may go unnoticed that a hasty interface has lost its carrier.
const carrierEvery = 100 * time.Millisecond

// carriers returns the hasty interfaces.
func (r *routers) carriers() []int {
	list := r.busy.Load()
	if list == nil {
		return nil
	}
	return *list
}

// lookAllEvery is how often the engine is asked for all states without a reason: it tells of
// each that is another.
const lookAllEvery = 10 * time.Second

// follow has everything follow the states of the routers, until ctx ends.
func (r *routers) follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := false
		select {
		case <-ctx.Done():
			return nil
		case <-r.engine.Changed():
			changed = true
		case <-r.poke:
		case <-timer.C:
		}
		r.pace.begin()
		falter("vrrp")
		if changed {
			r.heed(r.engine.Changes())
		} else {
			r.lookAll()
		}
		if !changed || r.refused {
			timer.Reset(r.lookAgain())
		}
		r.pace.end()
	}
}

// lookAgain returns after which time all states are to be asked for again.
func (r *routers) lookAgain() time.Duration {
	if r.refused {
		return idle
	}
	return lookAllEvery
}

// lookAll asks the engine for all states, which takes longer than Changes: there is
// another config, or what was missed is to be made good for.
func (r *routers) lookAll() {
	passed := r.engine.Changes()
	clear(r.states)
	r.heed(slices.Concat(passed, r.inOrder(r.engine.Status())))
}

// inOrder sorts states by the order of the config.
func (r *routers) inOrder(list []vrrpnet.Status) []vrrpnet.Status {
	at := map[string]int{}
	for i, v := range r.setup.Load().routers {
		at[v.Name] = i
	}
	slices.SortStableFunc(list, func(a, b vrrpnet.Status) int { return cmp.Compare(at[a.Name], at[b.Name]) })
	return list
}

// heed has everything follow states, and users told of them when that is under way.
func (r *routers) heed(list []vrrpnet.Status) {
	for _, s := range list {
		r.states[s.Name] = s
	}
	r.step()
	r.inform(list)
}

// step has everything follow the states of the routers as they are now.
func (r *routers) step() {
	setup := r.setup.Load()
	masters := mastersOf(r.states)
	r.note(masters)
	r.want(setup.wanted(masters))
	busy := r.devices.indexesOf(setup.hasty(masters))
	if before := r.busy.Swap(&busy); before == nil || !slices.Equal(busy, *before) {
		offer(r.rushed, struct{}{})
	}
	for i := range setup.routers {
		v := &setup.routers[i]
		if s, ok := r.states[v.Name]; ok {
			r.tell(v, s)
		}
	}
}

// note takes over of which routers this node is the master, and tells if these are others.
func (r *routers) note(now masters) {
	if !maps.Equal(now, *r.were.Load()) {
		r.were.Store(&now)
		offer(r.moved, struct{}{})
	}
}

// want has the kernel hold what is wanted, unless all is being given up.
func (r *routers) want(vips []vip.VIP, routes []route.Route, rules []route.Rule) {
	r.wanting.Lock()
	defer r.wanting.Unlock()
	if r.stopped.Load() {
		return
	}
	err := r.vips.Want(vips)
	r.refused = err != nil
	if err != nil && !errors.Is(err, vip.ErrNotConfigured) { // a reload is under way
		r.log.Error("taking the addresses of virtual routers", "error", err)
	}
	r.paths.Want(routes, rules)
}

// tell announces again what is to be, and logs transitions.
func (r *routers) tell(v *virtualRouter, now vrrpnet.Status) {
	was, known := r.told[v.Name]
	r.told[v.Name] = seen{now.State, now.Announces}
	if known && was.announces != now.Announces {
		r.vips.Announce(v.VIPs)
	}
	if !known || was.state != now.State {
		r.log.Info("virtual router", "name", v.Name, "state", now.State.String(), "reason", now.Reason)
	}
}
