package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// warnServices remarks on services that get no traffic, or cannot come up, or send it in
// two ways that rarely work beside each other.
func warnServices(r *report, root *value, d *draft) {
	d.eachCheck(root, func(table *value, c *draftCheck) { warnTimeout(r, table, &c.Check) })
	if len(r.mistakes) > 0 {
		return
	}
	weighted := map[string]bool{}
	for i := range d.ServerChecks {
		weighted[d.ServerChecks[i].Name] = d.ServerChecks[i].Script.Weighted
	}
	held, ways, used, entries := d.held(), map[netip.Addr]way{}, map[string]bool{}, d.entries()
	for i := range d.services {
		s, table := &d.services[i], root.child("service").item(i)
		used[s.group] = true
		for j, a := range s.Addresses {
			if v := elements(table.child("address"))[j]; !held[a.Addr()] {
				r.warn(v.pos, v.path()+v.assigned()+": is in no [[vip]], [[vrrp]] or [static], so perch does not bring clients here")
			}
		}
		warnQuorum(r, table, &s.Service, weighted)
		warnWays(r, ways, s)
		warnChain(r, entries, s)
		warnOnePacket(r, table, &s.Service)
		if v := table.child("start"); v != nil && s.WhileHeld && s.Start == "checked" {
			r.warn(v.pos, v.path()+v.assigned()+`: with check_while = "held" a node that takes the address over for the first time has no servers until it has looked at them`)
		}
	}
	for i, g := range d.groups {
		if v := root.child("server_group").item(i); !used[g.name] {
			r.warn(v.key, fmt.Sprintf("server_group: no service has group = %q", g.name))
		}
	}
}

// warnForeign remarks on services of others that are removed where perch has none.
func warnForeign(r *report, root *value, c *Config) {
	if v := root.child("ipvs").child("own_all"); c.IPVS.OwnAll && root.child("service") == nil {
		r.warn(v.pos, v.path()+v.assigned()+": there is no [[service]], so all that is in IPVS is somebody else's, and is removed")
	}
}

// held returns all addresses that perch holds at times.
func (c *Config) held() map[netip.Addr]bool {
	held := c.virtual()
	for _, v := range c.Static.Addresses {
		held[v.Prefix.Addr()] = true
	}
	return held
}

// virtual returns the addresses that move between machines.
func (c *Config) virtual() map[netip.Addr]bool {
	virtual := map[netip.Addr]bool{}
	for _, v := range c.VIPs {
		virtual[v.Address.Addr()] = true
	}
	for i := range c.Services {
		for _, a := range c.Services[i].Addresses {
			if slices.ContainsFunc(c.VIPs, func(v VIP) bool { return v.Has(a.Addr()) }) {
				virtual[a.Addr()] = true
			}
		}
	}
	for i := range c.VRRP {
		for _, list := range [][]Address{c.VRRP[i].Addresses, c.VRRP[i].ExcludedAddresses} {
			for _, a := range list {
				virtual[a.Prefix.Addr()] = true
			}
		}
	}
	return virtual
}

// warnQuorum remarks on a quorum that the servers do not reach with their weights, so that
// another is in force, unless a check may give them others.
func warnQuorum(r *report, table *value, s *Service, weighted map[string]bool) {
	sum := 0
	for _, server := range s.Servers {
		if slices.ContainsFunc(server.Checks, func(t Track) bool { return weighted[t.Check] || t.Weight != 0 }) {
			return
		}
		sum += server.Weight
	}
	quorum, hysteresis := table.child("quorum"), table.child("hysteresis")
	above := fmt.Sprintf("above the weights of all servers, %d together", sum)
	switch {
	case quorum != nil && sum == 0:
		r.warn(quorum.pos, fmt.Sprintf("%s%s: is %s, so it is never reached", quorum.path(), quorum.assigned(), above))
	case quorum != nil && s.Quorum > sum:
		r.warn(quorum.pos, fmt.Sprintf("%s%s: is %s: it is lowered to that", quorum.path(), quorum.assigned(), above))
	case hysteresis != nil && s.Quorum+s.Hysteresis > sum:
		r.warn(hysteresis.pos, fmt.Sprintf("%s%s: quorum and hysteresis are %s: a quorum that is lost comes back with all of them", hysteresis.path(), hysteresis.assigned(), above))
	}
}

// way is how packets get to a host, and where that was said first.
type way struct {
	nat bool
	at  *value
}

// warnWays remarks on a host that gets packets by nat and, in another service, in another
// way: the answers to the first must come back through this node, those to the other must not.
func warnWays(r *report, ways map[netip.Addr]way, s *draftService) {
	said := false // one of a service is enough
	for i, server := range s.Servers {
		at := s.places[i].at()
		host, nat := server.Address.Addr(), server.Forward == "nat"
		first, ok := ways[host]
		if !ok {
			ways[host] = way{nat, at}
		} else if first.nat != nat && !said {
			said = true
			r.warn(at.pos, fmt.Sprintf("%s%s: %v gets packets by %s here and in another way on line %d: with nat its answers must come back through this node, and with dr and tunnel they must not",
				at.path(), at.assigned(), host, server.Forward, first.at.pos.line))
		}
	}
}

// entries returns where clients come to services, by protocol.
func (d *draft) entries() map[string]bool {
	entries := map[string]bool{}
	for i := range d.services {
		for _, a := range d.services[i].Addresses {
			entries[d.services[i].Protocol+" "+a.String()] = true
		}
	}
	return entries
}

// warnChain remarks on a server that is a service itself: a packet goes through IPVS once.
func warnChain(r *report, entries map[string]bool, s *draftService) {
	for i, server := range s.Servers {
		if entries[s.Protocol+" "+server.Address.String()] {
			at := s.places[i].at()
			r.warn(at.pos, fmt.Sprintf("%s%s: %v is a service itself: on the node that holds it packets go to what listens there, and not on to its servers", at.path(), at.assigned(), server.Address))
			return // one of a service is enough
		}
	}
}

// warnOnePacket remarks on answers by nat that clients cannot know: the kernel forgets each
// packet, and with it whose address the answer is to have, unless the engine finds it.
func warnOnePacket(r *report, table *value, s *Service) {
	byNAT := slices.ContainsFunc(s.Servers, func(server RealServer) bool { return server.Forward == "nat" })
	if at := slices.Index(s.Options, "ops"); at >= 0 && byNAT && s.PersistenceEngine == "" {
		v := table.child("options").item(at)
		r.warn(v.pos, v.path()+v.assigned()+": with nat each answer leaves with the address of its server, which no client waits for; dr and tunnel answer with that of the service")
	}
}
