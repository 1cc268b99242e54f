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

// look returns the virtual routers, and whether their loop has answered in time. While it
// owes an answer it is not asked again.
func (g *routerGlance) look(r *routers, kind fence.Kind) (list []api.VirtualRouter, answered bool) {
	if r == nil {
		return nil, true
	}
	if !g.looking.CompareAndSwap(false, true) {
		return nil, false
	}
	seen := make(chan []api.VirtualRouter, 1)
	go func() {
		defer g.looking.Store(false)
		seen <- r.snapshot().virtualRouters(kind)
	}()
	timer := time.NewTimer(glanceLimit)
	defer timer.Stop()
	select {
	case list := <-seen:
		return list, true
	case <-timer.C:
		return nil, false
	}
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
