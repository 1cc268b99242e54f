package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkServices checks every [[service]] and [[server_group]] by itself, and that no two
// services get the same packets.
func checkServices(r *report, root *value, d *draft) {
	checkServerGroups(r, root.child("server_group"), d)
	checkServerChecks(r, root, d)
	if d.tooLarge() {
		r.badKey(root.child("service"), fmt.Sprintf("all of them have more than %d servers and checks together, each counted for every service and address", maxServers), "must be less")
		return
	}
	groups, names, keys := d.groupNames(), firsts[string]{}, firsts[string]{}
	for i := range d.services {
		s, table := &d.services[i], root.child("service").item(i)
		if table.kind != kindTable { // it was refused
			continue
		}
		if name := table.child("name"); name != nil && s.Name != "" {
			names.check(r, s.Name, name, "must be different for every [[service]]")
		}
		checkServiceKey(r, table, &s.Service, keys)
		if v := table.child("check_while"); s.WhileHeld && table.child("fwmark") != nil {
			r.badValue(v, "given together with fwmark, which no machine holds", `must be "always" there, or be left out`)
		}
		checkBalancing(r, table, &s.Service)
		checkQuorum(r, table, &s.Service)
		if v := table.child("group"); s.group != "" && !slices.Contains(groups, s.group) {
			r.badValue(v, "is no [[server_group]]", suggestion(s.group, groups))
		}
		checkServers(r, table, s, d.IPVS.Sync != nil)
	}
}

func (d *draft) groupNames() []string {
	var names []string
	for _, g := range d.groups {
		if g.name != "" {
			names = append(names, g.name)
		}
	}
	return names
}

// checkServiceKey wants what tells a service from all others: addresses, or a mark.
func checkServiceKey(r *report, table *value, s *Service, keys firsts[string]) {
	address, mark := table.child("address"), table.child("fwmark")
	family, protocol := table.child("family"), table.child("protocol")
	switch {
	case address == nil && mark == nil:
		r.missing(table, "address", serviceAddressRule+", unless there is fwmark")
	case address != nil && mark != nil:
		r.badKey(mark, "given together with address", "must be one of the two")
		return
	case mark != nil && protocol != nil:
		r.badKey(protocol, "given together with fwmark", "must be left out there, since all packets with the mark count")
	case mark == nil && family != nil:
		r.badKey(family, "given without fwmark", "must be left out there, since the address says it")
	}
	notEmpty(r, address, serviceAddressesRule)
	notEmpty(r, family, familiesRule)
	for i, a := range s.Addresses {
		if v := elements(address)[i]; a.IsValid() && s.Protocol != "" { // else it was refused
			keys.check(r, s.Protocol+" "+a.String(), v, "must be different for every [[service]] of a protocol")
			checkAllPorts(r, v, a, s, table.child("persistence") != nil)
		}
	}
	checkMark(r, mark, family, s, keys)
}

func checkMark(r *report, mark, family *value, s *Service, keys firsts[string]) {
	if s.FWMark == 0 {
		return
	}
	for i, f := range s.Families {
		v := mark
		if of := elements(family); i < len(of) {
			v = of[i]
		}
		if f != "" { // else it was refused
			keys.check(r, fmt.Sprintf("fwmark %d %s", s.FWMark, f), v, "must be different for every [[service]] with the mark")
		}
	}
}

func notEmpty(r *report, list *value, allowed string) {
	if list != nil && list.kind == kindArray && len(list.items) == 0 {
		r.badKey(list, "is empty", allowed)
	}
}

// checkAllPorts wants port 0 with persistence, as the kernel does, and with nothing else.
func checkAllPorts(r *report, v *value, a netip.AddrPort, s *Service, persistent bool) {
	if a.Port() != 0 {
		return
	}
	switch _, one := s.port(); {
	case !persistent:
		r.badValue(v, "is for all ports", "must come with persistence, or have a port")
	case !one:
		r.badValue(v, "is for all ports, others of the list are not", "must have a port, or be in a [[service]] of its own")
	}
}

// checkBalancing checks what a scheduler and persistence have to do with each other's keys.
func checkBalancing(r *report, table *value, s *Service) {
	options, seen := table.child("options"), firsts[string]{}
	for i, option := range s.Options {
		if option == "" { // it was refused
			continue
		}
		v := options.item(i)
		seen.check(r, option, v, "must be in the list once")
		scheduler, _, of := strings.Cut(option, "-")
		switch {
		case option == "ops" && s.Protocol != "udp" && s.Protocol != "":
			r.badValue(v, "is for udp, and the service is for "+s.Protocol, `must come with protocol = "udp" or fwmark`)
		case of && scheduler != "flag" && scheduler != s.Scheduler && s.Scheduler != "":
			r.badValue(v, "is not for scheduler "+s.Scheduler, "is for scheduler "+scheduler)
		}
	}
	prefix, engine := table.child("persistence_prefix"), table.child("persistence_engine")
	for _, v := range []*value{prefix, engine} {
		if v != nil && table.child("persistence") == nil {
			r.badKey(v, "given without persistence", "must come with persistence, which says for how long")
		}
	}
	if prefix != nil && prefix.kind == kindInteger && s.PersistencePrefix[0] > 32 && s.has(false) {
		r.badValue(prefix, "is more than the 32 bits of an IPv4 address", "must be at most 32, or a table, like {ipv4 = 24, ipv6 = 64}")
	}
	if engine != nil && s.Protocol != "" && s.Protocol != "udp" {
		r.badValue(engine, "given together with protocol "+s.Protocol, `must come with protocol = "udp" or fwmark`)
	}
}

func checkQuorum(r *report, table *value, s *Service) {
	if v := table.child("hysteresis"); v != nil && s.Hysteresis >= s.Quorum && s.Hysteresis > 0 && s.Quorum > 0 {
		r.badValue(v, fmt.Sprintf("is not less than quorum, %d", s.Quorum), "must be less than quorum, or it could not be lost")
	}
	for _, name := range []string{"quorum_up", "quorum_down"} {
		checkArgv(r, table.child(name))
	}
}
