package daemon

import (
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// virtualService is one service of the config, with what follows from it. It does not
// change.
type virtualService struct {
	*config.Service
	keys    []ipvs.Key
	kernel  []ipvs.Service // one for each key, without servers
	rules   ipvs.Rules
	members []ipvs.Member
	reals   []realServer // the servers, and behind them the sorry server
	at      map[netip.AddrPort]int
}

// realServer is what conditions of a server depend on.
type realServer struct {
	address netip.AddrPort
	name    string // in orders
	checks  []reference
	present *uint32 // the weight that the kernel had it with when the service began
}

// newVirtualService returns what follows from a service that begins with what the kernel
// has of it, if it has anything.
func newVirtualService(s *config.Service, had map[ipvs.Key][]ipvs.Server) *virtualService {
	v := &virtualService{
		Service: s,
		keys:    keysOf(s),
		rules:   rulesOfService(s),
		members: membersOf(s),
		at:      make(map[netip.AddrPort]int, len(s.Servers)+1),
	}
	for _, key := range v.keys {
		v.kernel = append(v.kernel, ipvs.Service{Key: key, Balancing: balancingOf(s, key.Family)})
	}
	for i := range s.Servers {
		v.add(&s.Servers[i])
	}
	if s.SorryServer != nil {
		v.add(s.SorryServer)
	}
	for _, key := range v.keys {
		for _, server := range had[key] {
			if i, known := v.at[server.Address]; known {
				v.reals[i].present = &server.Weight
			}
		}
	}
	return v
}

// add adds a server, unless there is one with its address.
func (v *virtualService) add(r *config.RealServer) {
	if _, there := v.at[r.Address]; there {
		return
	}
	v.at[r.Address] = len(v.reals)
	v.reals = append(v.reals, realServer{address: r.Address, name: r.Address.String(), checks: referencesOf(r.Checks)})
}

// conditions appends what is known of the servers, in the order of reals.
func (v *virtualService) conditions(list []ipvs.Condition, known verdicts, orders map[string]state.Order) []ipvs.Condition {
	list = slices.Grow(list, len(v.reals))
	for i := range v.reals {
		r := &v.reals[i]
		c := conditionOf(r.checks, known)
		c.Present = r.present
		c.Active = 1 // what is counted is shown, and decides nothing
		if orders != nil {
			c.Order = ipvs.Order(orders[r.name])
		}
		list = append(list, c)
	}
	return list
}

// sameConditions tells whether nothing else is known than before.
func sameConditions(a, b []ipvs.Condition) bool {
	return slices.EqualFunc(a, b, func(a, b ipvs.Condition) bool {
		return a.Health == b.Health && a.Reason == b.Reason && a.Resting == b.Resting && a.Added == b.Added &&
			a.Order.Drain == b.Order.Drain && sameWeight(a.Order.Weight, b.Order.Weight) && sameWeight(a.Weight, b.Weight)
	})
}

func sameWeight(a, b *uint32) bool { return a == b || a != nil && b != nil && *a == *b }

// with returns what the kernel is to have of the service, with these servers.
func (v *virtualService) with(servers []ipvs.Server, list []ipvs.Service) []ipvs.Service {
	for _, s := range v.kernel {
		s.Servers = servers
		list = append(list, s)
	}
	return list
}

// serversOf returns the servers of services by key.
func serversOf(list []ipvs.Service) map[ipvs.Key][]ipvs.Server {
	servers := make(map[ipvs.Key][]ipvs.Server, len(list))
	for _, s := range list {
		servers[s.Key] = s.Servers
	}
	return servers
}
