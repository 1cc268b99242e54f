package keepalived

import (
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// plan is how a virtual server is written: what is said once for all servers, and what of each.
type plan struct {
	v      *virtualServer
	name   string     // of the first service
	up     bool       // servers begin with traffic
	own    []settings // of each server, in the order of perchServer
	common settings   // of all servers, likewise
	looks  [][]look   // of each server
	texts  []string   // of the looks of each, by which they are compared
	shared int        // whose looks are those of all that say nothing; -1 for none
}

// perchServer is a server that nothing is said of. It has the keys in the order of
// realServer.settings.
func perchServer() settings {
	return settings{
		{name: "weight", value: document.Number(1)},
		{name: "forward", value: document.Text("nat")},
		{name: "tunnel", value: tunnel{kind: "ipip", checksum: "none"}.inline()},
		{name: "upper_threshold", value: document.Number(0)},
		{name: "lower_threshold", value: document.Number(0)},
		{name: "inhibit_on_failure", value: document.Flag(false)},
	}
}

// Where the keys are in these settings.
const (
	atWeight = iota
	atForward
	atTunnel
	atUpper
	atLower
	atInhibit
)

// settings returns all keys of a server but its address and checks.
func (r *realServer) settings(v *virtualServer) settings {
	l, weight, m, inhibit := perchServer(), r.weight.or(v.weight), r.method.or(v.method), r.inhibit.or(v.inhibit)
	l[atWeight].value, l[atWeight].by = document.Number(weight.is(1)), weight.by
	if m.given() {
		l[atForward].value, l[atForward].by = document.Text(m.value.forward), m.by
	}
	if m.value.forward == "tunnel" {
		l[atTunnel].value, l[atTunnel].by = m.value.tunnel.inline(), m.by
	}
	l[atUpper].value, l[atUpper].by = document.Number(r.upper.value), r.upper.by
	l[atLower].value, l[atLower].by = document.Number(r.lower.value), r.lower.by
	l[atInhibit].value, l[atInhibit].by = document.Flag(inhibit.value), inhibit.by
	return l
}

// plan finds out what servers have in common.
func (im *importer) plan(v *virtualServer) *plan {
	p := &plan{v: v, name: im.serviceName(v)}
	for _, r := range v.servers {
		var looks []look
		for _, c := range r.checkers {
			looks = append(looks, im.looks(p, r, c)...)
		}
		p.own = append(p.own, r.settings(v))
		p.looks, p.texts = append(p.looks, looks), append(p.texts, textOf(looks))
		if p.dropsPort(r.address, v.methodOf(r)) {
			im.remark(r.by, portKept)
		}
	}
	p.common = p.commonSettings()
	p.shared = p.sharedLooks()
	im.begin(p)
	return p
}

// commonSettings returns what all servers have, or where they differ what the virtual server
// says for those that say nothing.
func (p *plan) commonSettings() settings {
	common, outer := perchServer(), (&realServer{}).settings(p.v)
	for i := range common {
		first := p.own[0][i]
		if slices.ContainsFunc(p.own, func(own settings) bool { return !own[i].same(first) }) {
			common[i] = outer[i]
		} else {
			common[i] = first
		}
	}
	if !common[atForward].same(setting{value: document.Text("tunnel")}) {
		common[atTunnel] = perchServer()[atTunnel]
	}
	return common
}

// commonMethod returns how packets get to a server that says nothing.
func (p *plan) commonMethod() method {
	for _, r := range p.v.servers {
		if m := p.v.methodOf(r); p.common[atForward].same(setting{value: document.Text(m.forward)}) {
			return m
		}
	}
	return p.v.method.is(method{forward: "nat"})
}

// sharedLooks returns whose looks most servers have, or -1 if each has its own.
func (p *plan) sharedLooks() int {
	counts, shared, best := map[string]int{}, -1, 0
	for _, text := range p.texts {
		counts[text]++
	}
	for i, text := range p.texts {
		n := counts[text]
		if text != "" && n > best && (n > 1 || len(p.texts) == 1) {
			shared, best = i, n
		}
	}
	return shared
}

// begin finds out how servers begin. In keepalived each says so for itself.
func (im *importer) begin(p *plan) {
	var up, alpha *realServer
	for _, r := range p.v.servers {
		if len(r.checkers) == 0 {
			continue // it is well from the beginning
		}
		if r.alphaOf(p.v) {
			alpha = r
		} else if up == nil {
			up = r
		}
	}
	p.up = up != nil && alpha == nil
	if up != nil && alpha != nil {
		im.remark(up.by, "has no alpha, and another server of the virtual_server has: in perch all of them begin without traffic then, until their checks are good")
	}
}

// alphaOf reports whether a server begins without traffic.
func (r *realServer) alphaOf(v *virtualServer) bool {
	return slices.ContainsFunc(r.checkers, func(c *checker) bool {
		return c.schedule.within(r.schedule.within(v.schedule)).alpha.value
	})
}

// writeServers writes the servers, and the looks that they share, into a service or group.
func (im *importer) writeServers(t *document.Table, p *plan) {
	if p.shared >= 0 {
		im.writeLooks(t, p.looks[p.shared])
	}
	for i, r := range p.v.servers {
		s := t.Element("server", place(r.by))
		m := p.v.methodOf(r)
		s.Set("address", document.Text(p.text(r.address, m)), place(r.by))
		for j, own := range p.own[i] {
			if !own.same(p.common[j]) && (j != atTunnel || m.forward == "tunnel") {
				im.set(s, own.name, own.value, own.by)
			}
		}
		switch {
		case p.shared < 0:
			im.writeLooks(s, p.looks[i])
		case p.texts[i] == "":
			s.Set("check", document.List(), document.Place{})
		case p.texts[i] != p.texts[p.shared]:
			im.writeLooks(s, p.looks[i])
		}
		s.Comments = append(im.claim(r.by), im.rest(r.by.Block)...)
	}
}

// text returns the address of a server without a port that goes without saying.
func (p *plan) text(a netip.AddrPort, m method) string {
	if m.forward != "nat" {
		return a.Addr().String()
	}
	if !slices.ContainsFunc(p.v.entries, func(e entry) bool { return e.mark != 0 || e.ports || e.port != a.Port() }) {
		return a.Addr().String()
	}
	return addrText(a)
}

// dropsPort reports whether a server has a port that packets do not get to.
func (p *plan) dropsPort(a netip.AddrPort, m method) bool {
	other := func(e entry) bool { return e.mark != 0 || e.ports || e.port != a.Port() }
	return m.forward != "nat" && a.Port() != 0 && slices.ContainsFunc(p.v.entries, other)
}

// portOf returns the address with the port that packets of the first entry get to.
func (p *plan) portOf(a netip.AddrPort, m method) netip.AddrPort {
	if m.forward != "nat" || a.Port() == 0 {
		return netip.AddrPortFrom(a.Addr(), p.v.entries[0].port)
	}
	return a
}

// looksAt reports whether a check of a server finds the port by itself.
func (p *plan) looksAt(r *realServer, port uint16) bool {
	text := p.text(r.address, p.v.methodOf(r))
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.Port() == port
	}
	return !slices.ContainsFunc(p.v.entries, func(e entry) bool { return e.ports || e.port != port })
}
