package config

import (
	"fmt"
	"net/netip"
)

// settleServices gives each service its servers, and each server what it does not say itself.
func settleServices(root *value, d *draft) {
	d.eachCheck(root, func(table *value, c *draftCheck) { settleCheck(table, &c.Check) })
	if d.tooLarge() {
		return
	}
	groups, maker := d.groupsByName(), newCheckMaker(d)
	for i := range d.services {
		s, table := &d.services[i], root.child("service").item(i)
		settleService(table, s)
		if j, ok := groups[s.group]; ok {
			s.addServers(maker, table, d.groups[j].servers, d.groups[j].checks, root.child("server_group").item(j), table.child("group"))
		}
		s.addServers(maker, table, s.servers, nil, table, nil)
		d.Services = append(d.Services, s.Service)
	}
}

// settleService fills in the defaults of a service. What was refused stays zero.
func settleService(table *value, s *draftService) {
	mark := table.child("fwmark") != nil
	if mark && len(s.Families) == 0 {
		s.Families = []string{"ipv4"}
	}
	if !mark {
		inherit(table, "protocol", &s.Protocol, "tcp")
	}
	if s.WhileHeld {
		inherit(table, "start", &s.Start, "up") // who takes the address over may never have looked
	}
	inherit(table, "scheduler", &s.Scheduler, "wlc")
	inherit(table, "quorum", &s.Quorum, 1)
	inherit(table, "forward", &s.server.Forward, "nat")
	if s.Name == "" {
		s.Name = s.defaultName()
	}
	if s.Persistence > 0 {
		s.settlePrefix()
	}
	inherit(table, "tunnel", &s.server.Tunnel, Tunnel{Kind: "ipip", Checksum: "none"})
	if v := table.child("sorry_server"); v != nil {
		sorry := s.sorry.RealServer
		inherit(v, "forward", &sorry.Forward, s.server.Forward)
		inherit(v, "tunnel", &sorry.Tunnel, s.server.Tunnel)
		sorry.Weight = 1
		s.settleAddress(&sorry)
		s.SorryServer = &sorry
	}
}

// defaultName is no name that a file may give, so that the two never meet.
func (s *Service) defaultName() string {
	switch {
	case s.FWMark != 0:
		return fmt.Sprintf("fwmark-%d/%s", s.FWMark, s.Families[0])
	case len(s.Addresses) > 0:
		return s.Addresses[0].String() + "/" + s.Protocol
	}
	return ""
}

// settlePrefix lets all bits of an address count where nothing else is said, or the
// service has no addresses of the family.
func (s *Service) settlePrefix() {
	for i, ipv6 := range []bool{false, true} {
		if bits := &s.PersistencePrefix[i]; *bits == 0 || !s.has(ipv6) {
			*bits = map[bool]int{false: 32, true: 128}[ipv6]
		}
	}
}

// has reports whether a service has addresses, or a mark, of a family.
func (s *Service) has(ipv6 bool) bool {
	for _, a := range s.Addresses {
		if a.IsValid() && a.Addr().Is6() == ipv6 {
			return true
		}
	}
	for _, f := range s.Families {
		if f != "" && (f == "ipv6") == ipv6 {
			return true
		}
	}
	return false
}

// port returns the port that all addresses of the service have: 0 for all ports, or for
// those of the packets with a mark. It returns false if they have several.
func (s *Service) port() (uint16, bool) {
	var port uint16
	for i, a := range s.Addresses {
		if i > 0 && a.Port() != port {
			return 0, false
		}
		port = a.Port()
	}
	return port, true
}

// addServers adds the servers of a list, which are in the given table, as are the checks
// that go before those of the service.
func (s *draftService) addServers(maker *checkMaker, service *value, servers []draftServer, checks []draftCheck, table, group *value) {
	for i := range servers {
		own := table.child("server").item(i)
		real := servers[i].RealServer
		settleServer(own, &real, s.server)
		s.settleAddress(&real)
		switch {
		case own.child("check") != nil:
			real.Checks = maker.tracks(servers[i].checks, own, real.Address)
		case group != nil && table.child("check") != nil:
			real.Checks = maker.tracks(checks, table, real.Address)
		default:
			real.Checks = maker.tracks(s.checks, service, real.Address)
		}
		s.Servers = append(s.Servers, real)
		s.places = append(s.places, serverPlace{own, group})
	}
}

func settleServer(table *value, s *RealServer, service RealServer) {
	inherit(table, "weight", &s.Weight, service.Weight)
	inherit(table, "forward", &s.Forward, service.Forward)
	inherit(table, "tunnel", &s.Tunnel, service.Tunnel)
	inherit(table, "upper_threshold", &s.UpperThreshold, service.UpperThreshold)
	inherit(table, "lower_threshold", &s.LowerThreshold, service.LowerThreshold)
	inherit(table, "inhibit_on_failure", &s.InhibitOnFailure, service.InhibitOnFailure)
	inherit(table, "slow_start", &s.SlowStart, service.SlowStart)
}

// inherit sets what a table does not.
func inherit[T any](table *value, name string, dst *T, from T) {
	if table.child(name) == nil {
		*dst = from
	}
}

// settleAddress gives a server the port of the service, and no tunnel unless it needs one.
func (s *Service) settleAddress(server *RealServer) {
	if a := server.Address; a.IsValid() && a.Port() == 0 {
		port, _ := s.port() // 0 if there are several
		server.Address = netip.AddrPortFrom(a.Addr(), port)
	}
	if server.Forward != "tunnel" {
		server.Tunnel = Tunnel{}
	}
}
