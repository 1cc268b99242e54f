package daemon

import (
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// place is where what moves between machines is.
type place uint8

const (
	elsewhere place = iota // and it may come
	releasing              // in the kernel yet, and this node is not its owner any more
	here
	places = iota // there are so many
)

// whereabouts are where the addresses are that move.
type whereabouts map[netip.Addr]place

// most is where one of them is if any is here. Where none moves all is here.
func (w whereabouts) most() place {
	at := elsewhere
	for _, p := range w {
		at = max(at, p)
	}
	if len(w) == 0 {
		return here
	}
	return at
}

// of returns where a service is: where one of its addresses is. What does not move is the
// node's own. A service with a mark goes with any address of the node, and is where most is.
func (w whereabouts) of(s *config.Service, most place) place {
	if len(s.Addresses) == 0 {
		return most
	}
	at, moves := elsewhere, false
	for _, address := range s.Addresses {
		if p, virtual := w[address.Addr()]; virtual {
			at, moves = max(at, p), true
		}
	}
	if !moves {
		return here
	}
	return at
}

// servedBy returns the services that the node of a config has, or may come to have: all,
// but for a witness, which gets no VIP of the cluster. A node that is drained may be
// undrained at any time, and is ready for that.
func servedBy(cfg *config.Config) []config.Service {
	if !isWitness(cfg) {
		return cfg.Services
	}
	never := map[netip.Addr]bool{}
	for _, v := range cfg.VIPs {
		never[v.Address.Addr()] = true
	}
	for a := range ranged(cfg) {
		never[a] = true
	}
	return slices.DeleteFunc(slices.Clone(cfg.Services), func(s config.Service) bool {
		if len(s.Addresses) == 0 {
			return len(cfg.VRRP) == 0
		}
		return !slices.ContainsFunc(s.Addresses, func(a netip.AddrPort) bool { return !never[a.Addr()] })
	})
}

// ranged returns the addresses of services that lie within ranges of the cluster.
func ranged(cfg *config.Config) map[netip.Addr]bool {
	within := map[netip.Addr]bool{}
	for _, v := range cfg.VIPs {
		if !v.Prefix {
			continue
		}
		for i := range cfg.Services {
			for _, a := range cfg.Services[i].Addresses {
				if v.Has(a.Addr()) {
					within[a.Addr()] = true
				}
			}
		}
	}
	return within
}

func isWitness(cfg *config.Config) bool {
	if cfg.Cluster == nil {
		return false
	}
	self, _ := cfg.Cluster.Peer(cfg.Node.Name)
	return self.Witness
}

// checksServed returns the checks of the servers of the services that servedBy returns.
func checksServed(cfg *config.Config) []config.Check {
	served := servedBy(cfg)
	if len(served) == len(cfg.Services) {
		return cfg.ServerChecks
	}
	used := map[string]bool{}
	for i := range served {
		for j := range served[i].Servers {
			for _, t := range served[i].Servers[j].Checks {
				used[t.Check] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(cfg.ServerChecks), func(c config.Check) bool { return !used[c.Name] })
}

// syncsOf returns the daemons that a node is to run whose services are at these places: it
// tells of the connections of services that are here, or were a moment ago, and hears of
// those of the others.
func syncsOf(c *config.IPVSSync, at [places]bool) (list []ipvs.SyncDaemon) {
	if c == nil {
		return nil
	}
	daemon := ipvs.SyncDaemon{
		Interface: c.Interface,
		ID:        uint8(c.ID),
		MaxLen:    uint16(c.MaxLen),
		Group:     c.Group,
		Port:      c.Port,
		TTL:       uint8(c.TTL),
	}
	if at[here] || at[releasing] {
		daemon.Role = ipvs.SyncMaster
		list = append(list, daemon)
	}
	if at[elsewhere] {
		daemon.Role = ipvs.SyncBackup
		list = append(list, daemon)
	}
	return list
}
