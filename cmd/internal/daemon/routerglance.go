package daemon

import (
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vrrp"
)

// glanceLimit is how long a scrape waits for the loop of the virtual routers, which
// answers between two adverts.
const glanceLimit = 200 * time.Millisecond

// routerGlance looks at the virtual routers for whoever may not wait for them.
type routerGlance struct{ looking atomic.Bool }

// glimpse is what was seen of them.
type glimpse struct {
	list     []api.VirtualRouter
	state    *routerState // nil without VRRP mode
	answered bool         // in time
}

// look returns the virtual routers, if their loop answers in time. While it owes an answer
// it is not asked again.
func (g *routerGlance) look(r *routers, kind fence.Kind) glimpse {
	if r == nil {
		return glimpse{answered: true}
	}
	if !g.looking.CompareAndSwap(false, true) {
		return glimpse{}
	}
	seen := make(chan glimpse, 1)
	go func() {
		defer g.looking.Store(false)
		state := r.snapshot()
		seen <- glimpse{state.virtualRouters(kind), state, true}
	}()
	timer := time.NewTimer(glanceLimit)
	defer timer.Stop()
	select {
	case it := <-seen:
		return it
	case <-timer.C:
		return glimpse{}
	}
}

// unknown is how many routers are heard of VRIDs that this node does not have.
func (g glimpse) unknown() int {
	if g.state == nil {
		return 0
	}
	return len(g.state.others)
}

// withAllDrops has each router count every reason for which an advert is not heeded: one
// that appears with its first advert is no increase to Prometheus.
func withAllDrops(list []api.VirtualRouter) []api.VirtualRouter {
	for i := range list {
		for _, drop := range vrrp.Drops() {
			list[i].Adverts.Dropped[drop.String()] += 0
		}
	}
	return list
}
