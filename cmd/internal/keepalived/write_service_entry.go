package keepalived

import (
	"fmt"
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// entry is what clients of one service come to: addresses, or a mark.
type entry struct {
	by        *syntax.Statement // the line of a group that says it; nil for that of the virtual server
	addresses []document.Item
	list      []netip.AddrPort    // the same
	lines     []*syntax.Statement // that say them
	port      uint16              // of all addresses
	ports     bool                // whether they have several
	ipv4      bool                // whether there are addresses, or packets with the mark, of the family
	ipv6      bool
	mark      int
}

func (e entry) has(ipv6 bool) bool {
	if ipv6 {
		return e.ipv6
	}
	return e.ipv4
}

// names returns what perch would call a service for each address, or for the mark.
func (e entry) names(v *virtualServer) (names []string) {
	if e.mark != 0 {
		return []string{fmt.Sprintf("fwmark-%d/%s", e.mark, map[bool]string{false: "ipv4", true: "ipv6"}[e.ipv6])}
	}
	for _, a := range e.list {
		names = append(names, a.String()+"/"+v.protocol.is("udp"))
	}
	return names
}

// entrySettings returns the keys of an entry.
func (im *importer) entrySettings(v *virtualServer, e entry) (l settings) {
	switch {
	case e.mark != 0:
		l.add("fwmark", document.Number(e.mark), e.by)
		if e.ipv6 {
			l.add("family", document.Text("ipv6"), v.family.by)
		}
	case len(e.addresses) == 1:
		l.add("address", e.addresses[0].Value, e.by)
	default:
		for i, line := range e.lines {
			e.addresses[i].Comments = im.claim(line)
		}
		l.add("address", document.List(e.addresses...), e.by)
	}
	return l
}

// entries returns what clients of a virtual server come to.
func (im *importer) entries(v *virtualServer) []entry {
	switch {
	case v.mark != 0:
		return []entry{markEntry(v, nil, v.mark, "")}
	case v.group == "":
		var e entry
		e.add(v.address.Addr(), v.address.Port(), v.by)
		return []entry{e}
	}
	g := im.balancing.named[v.group]
	if g == nil {
		im.wrong(v.by, fmt.Sprintf("there is no virtual_server_group %q%s", v.group, im.meantGroup(v.group)))
		return nil
	}
	g.used = true
	if im.balancing.written += g.addresses(); im.balancing.written > mostWritten {
		im.wrong(v.by, fmt.Sprintf("with its group there are more than %d addresses in virtual servers, which is all that perch takes", mostWritten))
		return nil
	}
	return g.split(v)
}

func (im *importer) meantGroup(name string) string {
	var names []string
	for _, g := range im.balancing.groups[:min(len(im.balancing.groups), 50)] {
		names = append(names, g.name)
	}
	if near, ok := config.Nearest(name, names); ok {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// markEntry is for packets with a mark, which are of the family of the servers unless
// something else is said.
func markEntry(v *virtualServer, by *syntax.Statement, mark int, family string) entry {
	ipv6 := len(v.servers) > 0 && v.servers[0].address.Addr().Is6()
	if family == "" {
		family = v.family.value
	}
	if family != "" {
		ipv6 = family == "inet6"
	}
	return entry{by: by, mark: mark, ipv4: !ipv6, ipv6: ipv6}
}

func (e *entry) add(a netip.Addr, port uint16, by *syntax.Statement) {
	e.ports = e.ports || len(e.list) > 0 && e.port != port
	e.port, e.ipv4, e.ipv6 = port, e.ipv4 || a.Is4(), e.ipv6 || a.Is6()
	p := netip.AddrPortFrom(a, port)
	e.list = append(e.list, p)
	e.lines = append(e.lines, by)
	e.addresses = append(e.addresses, document.Item{Value: document.Text(p.String()), Place: place(by)})
}

// split returns the entries of a group: one of all addresses, or one for each port where a
// server gets packets at the port that they came to, and one for each mark.
func (g *addressGroup) split(v *virtualServer) (entries []entry) {
	apart, at, seen := v.keepsPorts(), map[uint16]int{}, map[netip.AddrPort]bool{}
	for _, line := range g.entries {
		if line.mark != 0 {
			continue
		}
		key := line.port
		if !apart {
			key = 0
		}
		i, ok := at[key]
		if !ok {
			i = len(entries)
			at[key] = i
			entries = append(entries, entry{by: line.by})
		}
		for a, n := line.first, line.count(); n > 0; a, n = a.Next(), n-1 {
			if p := netip.AddrPortFrom(a, line.port); !seen[p] {
				seen[p] = true
				entries[i].add(a, line.port, line.by)
			}
		}
	}
	marks := map[int]bool{}
	for _, line := range g.entries {
		if line.mark != 0 && !marks[line.mark] {
			marks[line.mark] = true
			entries = append(entries, markEntry(v, line.by, line.mark, line.family))
		}
	}
	return entries
}

// keepsPorts reports whether a server gets packets at the port that they came to.
func (v *virtualServer) keepsPorts() bool {
	for _, r := range v.servers {
		if r.address.Port() == 0 || v.methodOf(r).forward != "nat" {
			return true
		}
	}
	return v.sorry.given() && (v.sorry.value.Port() == 0 || v.sorryMethod.or(v.method).is(method{forward: "nat"}).forward != "nat")
}
