package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// checkServerGroups checks what the servers of a group say by themselves.
func checkServerGroups(r *report, list *value, d *draft) {
	names := firsts[string]{}
	for i := range d.groups {
		g, table := &d.groups[i], list.item(i)
		if g.name != "" {
			names.check(r, g.name, table.child("name"), "must be different for every [[server_group]]")
		}
		servers := table.child("server")
		if servers != nil && servers.kind == kindArray && len(servers.items) == 0 {
			r.badKey(servers, "is empty", "must have a [[server_group.server]] at least")
		}
		seen := firsts[netip.AddrPort]{}
		for j := range g.servers {
			s, table := &g.servers[j], servers.item(j)
			if s.Address.IsValid() {
				seen.check(r, s.Address, table.child("address"), "must be different for every server of a group")
			}
			checkTunnel(r, table.child("tunnel"), s.Tunnel)
			if table.child("lower_threshold") != nil && table.child("upper_threshold") != nil {
				checkThresholds(r, table, &s.RealServer)
			}
		}
	}
}

// checkThresholds wants what the kernel wants.
func checkThresholds(r *report, table *value, s *RealServer) {
	lower, upper := table.child("lower_threshold"), table.child("upper_threshold")
	switch {
	case s.LowerThreshold <= s.UpperThreshold:
	case upper != nil && s.UpperThreshold == 0 && upper.text != "0": // it was refused
	case lower != nil && s.UpperThreshold == 0:
		r.badKey(lower, "given without upper_threshold", "must come with upper_threshold, which is where new connections end")
	case lower != nil:
		r.badValue(lower, fmt.Sprintf("is above upper_threshold, %d", s.UpperThreshold), "must be at most upper_threshold")
	case upper != nil:
		r.badValue(upper, fmt.Sprintf("is below lower_threshold, %d", s.LowerThreshold), "must be at least lower_threshold")
	}
}

// checkTunnel wants the keys of a kind of tunnel, and none of another's.
func checkTunnel(r *report, table *value, t Tunnel) {
	if table == nil || table.child("kind") == nil || t.Kind == "" { // that was said
		return
	}
	port, checksum := table.child("port"), table.child("checksum")
	switch {
	case t.Kind == "gue" && port == nil:
		r.missing(table, "port", `must be given with kind = "gue": where the server receives it`)
	case t.Kind != "gue" && port != nil:
		r.badKey(port, fmt.Sprintf("given together with kind = %q", t.Kind), `is for kind = "gue"`)
	}
	switch {
	case t.Kind == "ipip" && checksum != nil:
		r.badKey(checksum, `given together with kind = "ipip"`, `is for kind = "gue" and kind = "gre"`)
	case t.Kind == "gre" && t.Checksum == "remote":
		r.badValue(checksum, `given together with kind = "gre"`, `must be "none" or "checksum", or come with kind = "gue"`)
	}
}

// checkServers checks the servers of a service, those of its group included.
func checkServers(r *report, table *value, s *draftService, sync bool) {
	if list := table.child("server"); table.child("group") == nil && (list == nil || list.kind == kindArray && len(list.items) == 0) {
		r.badKey(table, "has no servers", "must have a [[service.server]] at least, or group")
	}
	checkTunnel(r, table.child("tunnel"), s.server.Tunnel)
	checkThresholds(r, table, &s.server)
	if v := table.child("tunnel"); v != nil && !s.tunnels() {
		r.badKey(v, "no server has forward = \"tunnel\"", `must come with forward = "tunnel"`)
	}
	seen, group := map[netip.AddrPort]serverPlace{}, false
	for i := range s.Servers {
		server, place := &s.Servers[i], s.places[i]
		if !server.Address.IsValid() || server.Forward == "" { // it was refused
			continue
		}
		problem, allowed := s.mismatch(server, sync)
		first, again := seen[server.Address]
		if problem == "" && again && !place.sameText(first) {
			problem, allowed = "is a server of the service already", "must be in it once"
		}
		seen[server.Address] = place
		switch {
		case place.group == nil:
			checkServer(r, place.table, server, s)
			address := place.table.child("address")
			if problem == "" && s.needsPort(address) {
				problem, allowed = "has port 0", "must have a port, or be without for that of the service"
			}
			if problem != "" {
				r.badValue(address, problem, allowed)
			}
		case !group: // one of a group is enough
			if problem == "" {
				problem, allowed = thresholdsOfGroup(place.table, server)
			}
			if group = problem != ""; group {
				r.badValue(place.group, fmt.Sprintf("its server %v %s", server.Address, problem), allowed)
			}
		}
	}
	checkSorry(r, table.child("sorry_server"), s, seen, sync)
}

// sameText reports whether two servers of a group are written alike: that was said of the group.
func (p serverPlace) sameText(other serverPlace) bool {
	return p.group != nil && other.group != nil && p.table.child("address").text == other.table.child("address").text
}

// thresholdsOfGroup says what is wrong with thresholds of which a service has one, and a
// server of its group the other.
func thresholdsOfGroup(table *value, s *RealServer) (problem, allowed string) {
	given := table.child("lower_threshold") != nil && table.child("upper_threshold") != nil
	none := table.child("lower_threshold") == nil && table.child("upper_threshold") == nil
	if given || none || s.LowerThreshold <= s.UpperThreshold {
		return "", ""
	}
	return fmt.Sprintf("has lower_threshold %d and upper_threshold %d here", s.LowerThreshold, s.UpperThreshold), "lower_threshold must be at most upper_threshold"
}

// checkServer checks what a server of a service says beside its address.
func checkServer(r *report, table *value, server *RealServer, s *draftService) {
	tunnel := table.child("tunnel")
	if tunnel != nil && server.Forward != "tunnel" {
		r.badKey(tunnel, fmt.Sprintf("given together with forward = %q", server.Forward), `must come with forward = "tunnel"`)
	} else {
		checkTunnel(r, tunnel, server.Tunnel)
	}
	checkThresholds(r, table, server)
}

// tunnels reports whether a service has a server that it sends packets to through a tunnel.
func (s *draftService) tunnels() bool {
	through := func(server RealServer) bool { return server.Forward == "tunnel" || server.Forward == "" }
	return len(s.Servers) == 0 || slices.ContainsFunc(s.Servers, through) || s.SorryServer != nil && through(*s.SorryServer)
}

func checkSorry(r *report, v *value, s *draftService, servers map[netip.AddrPort]serverPlace, sync bool) {
	sorry := s.SorryServer
	if sorry == nil || !sorry.Address.IsValid() || sorry.Forward == "" {
		return
	}
	if tunnel := v.child("tunnel"); tunnel != nil && sorry.Forward != "tunnel" {
		r.badKey(tunnel, fmt.Sprintf("given together with forward = %q", sorry.Forward), `must come with forward = "tunnel"`)
	} else {
		checkTunnel(r, tunnel, sorry.Tunnel)
	}
	problem, allowed := s.mismatch(sorry, sync)
	if _, again := servers[sorry.Address]; again && problem == "" {
		problem, allowed = "is a server of the service already", "must be another one"
	}
	if address := v.child("address"); address != nil {
		v = address
	}
	if problem == "" && s.needsPort(v) {
		problem, allowed = "has port 0", "must have a port, or be without for that of the service"
	}
	if problem != "" {
		r.badValue(v, problem, allowed)
	}
}

// mismatch says why packets of a service cannot go to a server, if that is so.
func (s *Service) mismatch(server *RealServer, sync bool) (problem, allowed string) {
	if !s.known() {
		return "", ""
	}
	ipv6 := server.Address.Addr().Is6()
	if other := s.has(!ipv6); other {
		family, its := familyName(!ipv6), familyName(ipv6)
		switch {
		case server.Forward != "tunnel":
			return "is " + its + ", and the service is " + family, `must be of the service's family, unless forward = "tunnel"`
		case sync:
			return "is " + its + ", and the service is " + family, "must be of the service's family where there is an [ipvs.sync], as the kernel wants it"
		}
	}
	return s.portMismatch(server)
}

// known reports whether all addresses and families of a service are right.
func (s *Service) known() bool {
	invalid := func(a netip.AddrPort) bool { return !a.IsValid() }
	return (len(s.Addresses) > 0 || s.FWMark != 0) && !slices.ContainsFunc(s.Addresses, invalid) && !slices.Contains(s.Families, "")
}

// needsPort reports whether an address is written with port 0, and packets go to one port.
func (s *Service) needsPort(address *value) bool {
	written, err := netip.ParseAddrPort(address.text)
	port, _ := s.port()
	return err == nil && written.Port() == 0 && port != 0
}

func (s *Service) portMismatch(server *RealServer) (problem, allowed string) {
	port, one := s.port()
	got := server.Address.Port()
	switch {
	case s.FWMark != 0 && got != 0 && server.Forward != "nat":
		return "has a port, which only nat can change to", "must have none, since packets with a mark go to the port that they are for"
	case s.FWMark != 0:
	case !one && server.Forward != "nat":
		return "gets packets for the ports of all addresses of the service", "the addresses must have one port, unless forward = \"nat\""
	case !one && got == 0:
		return "has no port, and the addresses of the service have several", "must have a port"
	case one && got != port && port == 0:
		return "has a port, and the service is for all ports", "must have none, since packets go to the port that they are for"
	case one && got != port && server.Forward != "nat":
		return fmt.Sprintf("has another port than the service, %d", port), fmt.Sprintf("must have that port or none, since %s changes none", server.Forward)
	}
	return "", ""
}
