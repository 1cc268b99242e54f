package config

import "slices"

func (b *renderer) ipvs(i IPVS) {
	b.line("[ipvs]\nown_all = %v\nmanage_sysctls = %v\nnodes = %q", i.OwnAll, i.ManageSysctls, i.Nodes)
	set(b, "at_end", i.AtEnd)
	set(b, "tcp_timeout", i.TCP)
	set(b, "tcp_fin_timeout", i.TCPFin)
	set(b, "udp_timeout", i.UDP)
	if s := i.Sync; s != nil {
		b.line("[ipvs.sync]\ninterface = %q\nid = %d\ngroup = %q\nport = %d\nttl = %d", s.Interface, s.ID, s.Group, s.Port, s.TTL)
		set(b, "max_len", s.MaxLen)
	}
}

// service writes a service with every key, and its servers with their checks.
func (b *renderer) service(s *Service, checks []Check) {
	b.line("[[service]]")
	if _, err := parseName(s.Name); err == nil { // else it is the default
		b.line("name = %q", s.Name)
	}
	if s.FWMark != 0 {
		b.line("fwmark = %d", s.FWMark)
		b.texts("family", s.Families)
	} else {
		var addresses []string
		for _, a := range s.Addresses {
			addresses = append(addresses, a.String())
		}
		b.texts("address", addresses)
		b.line("protocol = %q", s.Protocol)
	}
	if s.WhileHeld {
		b.line("check_while = \"held\"")
	}
	b.line("scheduler = %q\nstart = %q\nquorum = %d\nhysteresis = %d\nomega = %v", s.Scheduler, s.Start, s.Quorum, s.Hysteresis, s.Omega)
	b.texts("options", s.Options)
	b.texts("quorum_up", s.QuorumUp)
	b.texts("quorum_down", s.QuorumDown)
	if s.Persistence > 0 {
		b.line("persistence = %q\npersistence_prefix = {ipv4 = %d, ipv6 = %d}", s.Persistence, s.PersistencePrefix[0], s.PersistencePrefix[1])
	}
	set(b, "persistence_engine", s.PersistenceEngine)
	if s.SorryServer != nil {
		b.line("[service.sorry_server]")
		b.forward("service.sorry_server", s.SorryServer)
	}
	for i := range s.Servers {
		b.server(&s.Servers[i], checks)
	}
}

func (b *renderer) server(s *RealServer, checks []Check) {
	b.line("[[service.server]]\nweight = %d\nupper_threshold = %d\nlower_threshold = %d", s.Weight, s.UpperThreshold, s.LowerThreshold)
	b.line("inhibit_on_failure = %v\nslow_start = %q", s.InhibitOnFailure, s.SlowStart)
	if len(s.Checks) == 0 {
		b.line("check = []")
	}
	b.forward("service.server", s)
	for _, t := range s.Checks {
		i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == t.Check })
		b.line("[[service.server.check]]")
		set(b, "weight", t.Weight)
		set(b, "reverse", t.Reverse)
		b.look("service.server.check", &checks[i])
	}
}

func (b *renderer) forward(table string, s *RealServer) {
	b.line("address = %q\nforward = %q", s.Address, s.Forward)
	if t := s.Tunnel; s.Forward == "tunnel" {
		b.line("[%s.tunnel]\nkind = %q", table, t.Kind)
		set(b, "port", int(t.Port))
		if t.Kind != "ipip" {
			b.line("checksum = %q", t.Checksum)
		}
	}
}
