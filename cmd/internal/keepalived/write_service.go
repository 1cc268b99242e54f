package keepalived

import (
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeServices says in perch's words what was read of virtual servers.
func (im *importer) writeServices() {
	for _, v := range im.balancing.virtual {
		v.entries = im.entries(v)
		if len(v.entries) > 0 && im.alone(v) {
			im.checkVirtualServer(v)
		}
	}
	if len(im.mistakes) > 0 {
		return // what is written could be wrong for that
	}
	im.writeIPVS()
	for _, v := range im.balancing.virtual {
		im.writeVirtualServer(v)
	}
	im.writeServerNotices()
	im.writeMails()
	for _, g := range im.balancing.groups {
		if !g.used {
			im.lose(g.by, "lists addresses here that no virtual_server has", "leave it out")
		}
	}
}

// alone reports whether no virtual server before has the same clients.
func (im *importer) alone(v *virtualServer) bool {
	for _, e := range v.entries {
		for _, name := range e.names(v) {
			if first := im.balancing.first[name]; first != nil {
				im.wrong(v.by, name+" is that of the virtual_server at "+first.Position.String()+", too: keepalived makes one of both in the kernel, where each changes what the other has made")
				return false
			}
			im.balancing.first[name] = v.by
		}
	}
	return true
}

// writeVirtualServer writes a service for each entry of a virtual server. Several have their
// servers from a group.
func (im *importer) writeVirtualServer(v *virtualServer) {
	p := im.plan(v)
	im.tellOfServers(p)
	if len(v.entries) == 1 {
		t := im.writeService(v, v.entries[0], p)
		im.writeServers(t, p)
		t.Comments = im.commentsOf(v)
		return
	}
	name := im.balancing.serverGroups.make(v.group)
	var first *document.Table
	for i, e := range v.entries {
		own := *v
		if i > 0 { // once is enough for what happens to all of them at once
			own.quorumUp, own.quorumDown = said[program]{}, said[program]{}
		}
		t := im.writeService(&own, e, p)
		t.Set("group", document.Text(name), document.Place{})
		if i == 0 {
			first = t
		}
	}
	group := im.doc.Element("server_group", place(v.by))
	group.Set("name", document.Text(name), document.Place{})
	im.writeServers(group, p)
	first.Comments = im.commentsOf(v)
}

// commentsOf returns the comments of a virtual server that are at none of its keys.
func (im *importer) commentsOf(v *virtualServer) []string {
	comments := im.claim(v.by)
	if g := im.balancing.named[v.group]; g != nil {
		comments = append(comments, append(im.claim(g.by), im.rest(g.by.Block)...)...)
	}
	return append(comments, im.rest(v.by.Block)...)
}

// writeService writes all of a service but its servers and their checks.
func (im *importer) writeService(v *virtualServer, e entry, p *plan) *document.Table {
	t := im.doc.Element("service", place(v.by))
	var l settings
	if p.name == v.name.value {
		l.add("name", document.Text(p.name), v.name.by)
	}
	l = append(l, im.entrySettings(v, e)...)
	l = append(l, v.balancing(e)...)
	l = append(l, v.beginning(p)...)
	l = append(l, im.quorum(v, p)...)
	for i, s := range p.common {
		if !s.same(perchServer()[i]) {
			l = append(l, s)
		}
	}
	im.put(t, l)
	return t
}

// serviceName returns what perch calls a virtual server: its first service.
func (im *importer) serviceName(v *virtualServer) string {
	if !v.name.given() {
		return v.entries[0].names(v)[0]
	}
	name, taken := v.name.value, im.balancing.services.taken
	if len(v.entries) > 1 || !allowed(name) || taken[name] {
		im.remark(v.name.by, "perch calls services by their addresses, unless each has a name of its own, of letters, digits, dots, _ and -")
		return v.entries[0].names(v)[0]
	}
	taken[name] = true
	return name
}

// balancing returns the keys for how clients are spread over servers.
func (v *virtualServer) balancing(e entry) (l settings) {
	if v.protocol.given() && v.protocol.value != "tcp" && e.mark == 0 {
		l.add("protocol", document.Text(v.protocol.value), v.protocol.by)
	}
	if !v.protocol.given() && e.mark == 0 {
		l.add("protocol", document.Text("udp"), nil)
	}
	if v.scheduler.is("wlc") != "wlc" {
		l.add("scheduler", document.Text(v.scheduler.value), v.scheduler.by)
	}
	if len(v.options) > 0 {
		items := make([]document.Item, len(v.options))
		for i, o := range v.options {
			items[i] = document.Item{Value: document.Text(o.value), Place: place(o.by)}
		}
		l.add("options", document.List(items...), v.options[0].by)
	}
	if v.persistence.given() || v.granularity.given() {
		l.add("persistence", document.Duration(v.persistence.is(6*time.Minute)), v.persistence.or(said[time.Duration]{by: v.granularity.by}).by)
	}
	if v.granularity.given() {
		l.add("persistence_prefix", document.Number(v.granularity.value.bits), v.granularity.by)
	}
	if v.engine.given() {
		l.add("persistence_engine", document.Text(v.engine.value), v.engine.by)
	}
	return l
}

// beginning returns the keys for how servers begin, and for when they are looked at. That a
// virtual server of a mark is to be held is a mistake, of which keepalived only warns.
func (v *virtualServer) beginning(p *plan) (l settings) {
	if p.up {
		l.add("start", document.Text("up"), v.alpha.by)
	} else if v.whileHeld.value {
		l.add("start", document.Text("checked"), v.alpha.by)
	}
	if v.whileHeld.value {
		l.add("check_while", document.Text("held"), v.whileHeld.by)
	}
	return l
}

// quorum returns the keys for what happens when there are too few servers.
func (im *importer) quorum(v *virtualServer, p *plan) (l settings) {
	if v.quorum.is(1) != 1 {
		l.add("quorum", document.Number(v.quorum.value), v.quorum.by)
	}
	if v.hysteresis.is(0) != 0 {
		l.add("hysteresis", document.Number(v.hysteresis.value), v.hysteresis.by)
	}
	for _, q := range v.quorumPrograms() {
		if q.given() && im.runsAs(q.said).is("root") == "root" { // else a [[notify]] has it
			l.add(q.name, document.Texts(q.value.argv, place(q.by)), q.by)
			if !im.runsAs(q.said).given() {
				im.ownUser(q.by)
			}
		}
	}
	if v.omega.value {
		l.add("omega", document.Flag(true), v.omega.by)
	}
	if sorry := im.sorry(v, p); sorry != nil {
		l = append(l, *sorry)
	}
	return l
}

// sorry returns the key of the server that gets all traffic while there is no quorum.
func (im *importer) sorry(v *virtualServer, p *plan) *setting {
	if !v.sorry.given() {
		return nil
	}
	m := v.sorryMethod.or(v.method).is(method{forward: "nat"})
	if slices.ContainsFunc(v.servers, func(r *realServer) bool { return p.portOf(r.address, v.methodOf(r)) == p.portOf(v.sorry.value, m) }) {
		im.lose(v.sorry.by, "sends all to this server, which is one of the others, too, while there is no quorum",
			"a sorry_server of its own is what perch takes")
		return nil
	}
	address := document.Text(p.text(v.sorry.value, m))
	if p.dropsPort(v.sorry.value, m) {
		im.remark(v.sorry.by, portKept)
	}
	if !v.sorryMethod.given() || v.sorryMethod.value == v.method.is(method{forward: "nat"}) && m == p.commonMethod() {
		return &setting{"sorry_server", address, v.sorry.by}
	}
	pairs := []document.Pair{{Name: "address", Value: address}, {Name: "forward", Value: document.Text(m.forward)}}
	if m.forward == "tunnel" {
		pairs = append(pairs, document.Pair{Name: "tunnel", Value: m.tunnel.inline()})
	}
	return &setting{"sorry_server", document.Inline(pairs...), v.sorry.by}
}

// portKept is why the port of a server that packets are not rewritten for counts for nothing.
const portKept = "its port is left out: without NAT packets keep the port that they came to"

// methodOf returns how packets get to a server of a virtual server.
func (v *virtualServer) methodOf(r *realServer) method {
	return r.method.or(v.method).is(method{forward: "nat"})
}

// checkVirtualServer says what of a virtual server cannot be, and what counts for nothing.
func (im *importer) checkVirtualServer(v *virtualServer) {
	mark := func(e entry) bool { return e.mark != 0 }
	switch {
	case slices.ContainsFunc(v.entries, mark):
		if v.protocol.given() && !slices.ContainsFunc(v.entries, func(e entry) bool { return !mark(e) }) {
			im.remark(v.protocol.by, "counts for nothing: a mark is one for all protocols")
		}
	case !v.protocol.given():
		im.note(v.by.Position, v.by.Keyword(), "has no protocol: keepalived takes it for UDP")
	}
	switch {
	case !v.whileHeld.value || v.group == "":
	case slices.ContainsFunc(v.entries, mark):
		im.wrong(v.whileHeld.by, "is not for a group with a mark: keepalived always looks there; leave it out")
	default:
		im.remark(v.whileHeld.by, "has keepalived never look at the servers of a group; perch looks while one of its addresses is here")
	}
	if v.family.given() && v.address.IsValid() && v.address.Addr().Is6() != (v.family.value == "inet6") {
		im.wrong(v.family.by, "is not that of the address")
	}
	if g := v.granularity; g.given() && !slices.ContainsFunc(v.entries, func(e entry) bool { return e.has(g.value.ipv6) }) {
		if g.value.ipv6 {
			im.wrong(g.by, "must be a netmask for IPv4, as 255.255.255.0")
		} else {
			im.wrong(g.by, "must be a number of bits for IPv6, as 64")
		}
	}
}

// addrText is an address, with its port unless that is 0.
func addrText(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// inline is a tunnel as a table in one line.
func (t tunnel) inline() document.Value {
	pairs := []document.Pair{{Name: "kind", Value: document.Text(t.kind)}}
	if t.port != 0 {
		pairs = append(pairs, document.Pair{Name: "port", Value: document.Number(t.port)})
	}
	if t.checksum != "none" {
		pairs = append(pairs, document.Pair{Name: "checksum", Value: document.Text(t.checksum)})
	}
	return document.Inline(pairs...)
}
