package keepalived

import (
	"slices"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// list is a list of a table, an element for each line of a block.
type list struct {
	items    []document.Item
	by       *syntax.Statement // the first
	comments []string          // above the key
}

// above returns the comments of the blocks in a block that have these keywords.
func (im *importer) above(by *syntax.Statement, keywords ...string) (comments []string) {
	for _, s := range by.Block {
		if len(s.Comments) > 0 && slices.Contains(keywords, s.Keyword()) {
			comments = append(comments, im.claim(s)...)
		}
	}
	return comments
}

func (im *importer) add(l *list, v document.Value, by *syntax.Statement) {
	if l.by == nil {
		l.by = by
	}
	l.items = append(l.items, document.Item{Value: v, Place: place(by), Comments: im.claim(by)})
}

func (l *list) write(t *document.Table, key string) {
	if len(l.items) > 0 {
		t.Set(key, document.List(l.items...), place(l.by)).Comments = l.comments
	}
}

func (im *importer) writeAddresses(t *document.Table, key string, comments []string, addresses []address) {
	l := &list{items: make([]document.Item, 0, len(addresses)), comments: comments}
	for n := range addresses {
		a := &addresses[n]
		v := document.Text(a.prefix.String())
		if pairs := im.attributes(a); len(pairs) > 0 {
			v = document.Inline(append([]document.Pair{{Name: "address", Value: v}}, pairs...)...)
		}
		im.add(l, v, a.by)
	}
	l.write(t, key)
}

// writeNoAddress says that an instance has no addresses, and of which family its adverts are.
func (im *importer) writeNoAddress(t *document.Table, i *instance) {
	by := i.noAddress.by
	if by == nil { // it has addresses that are wrong
		return
	}
	im.remark(by, "its adverts have no address in them, as keepalived's have none: only routers without addresses heed them")
	family := "ipv4"
	if i.ipv6() {
		family = "ipv6"
	}
	im.set(t, "addresses", document.List(), by)
	im.set(t, "family", document.Text(family), by)
}

// attributes returns what an address has besides, as perch has it.
func (im *importer) attributes(a *address) (pairs []document.Pair) {
	add := func(name string, v document.Value) { pairs = append(pairs, document.Pair{Name: name, Value: v}) }
	if a.dev != "" {
		add("interface", document.Text(a.dev))
	}
	if a.label != "" {
		add("label", document.Text(a.label))
	}
	ipv4 := a.prefix.Addr().Is4()
	switch {
	case a.scope == "" || a.scope == "global":
	case a.scope == "site" || !ipv4:
		im.remark(a.by, "has scope "+a.scope+", which perch gives to no such address: it has scope global")
	default:
		add("scope", document.Text(a.scope))
	}
	if a.broadcast.IsValid() && ipv4 {
		add("broadcast", document.Text(a.broadcast.String()))
	}
	if a.bare {
		add("prefix_route", document.Flag(false))
	}
	if a.peer.IsValid() {
		add("peer", document.Text(a.peer.String()))
	}
	return append(pairs, a.marks()...)
}

// marks returns what an IPv6 address is beside that.
func (a *address) marks() []document.Pair {
	list := pairs{}
	list.flag("preferred", a.preferred)
	list.flag("home", a.home)
	list.flag("mngtmpaddr", a.mngTmpAddr)
	return list
}

// writeStatic says what is held for as long as perch runs.
func (im *importer) writeStatic() {
	r := &im.routing
	if len(r.staticAddresses)+len(r.staticRoutes)+len(r.staticRules) == 0 {
		return
	}
	t := im.doc.Table("static", im.firstStatic())
	l := &list{comments: im.aboveStatic("static_ipaddress")}
	for n := range r.staticAddresses {
		a := &r.staticAddresses[n]
		if a.dev == "" {
			a.dev = r.globals.defaultInterface.is("eth0")
		}
		v := append([]document.Pair{{Name: "address", Value: document.Text(a.prefix.String())}}, im.attributes(a)...)
		im.add(l, document.Inline(v...), a.by)
	}
	l.write(t, "addresses")
	im.writeRoutes(t, im.aboveStatic("static_routes"), r.staticRoutes)
	im.writeRules(t, im.aboveStatic("static_rules"), withFamilies(r.staticRules, func(*rule) bool { return true }))
}

// aboveStatic returns the comments of the blocks outside of all others that have this keyword.
func (im *importer) aboveStatic(keyword string) []string {
	return im.above(&syntax.Statement{Block: im.routing.root}, keyword)
}

func (im *importer) firstStatic() document.Place {
	var by *syntax.Statement
	r := &im.routing
	switch {
	case len(r.staticAddresses) > 0:
		by = r.staticAddresses[0].by
	case len(r.staticRoutes) > 0:
		by = r.staticRoutes[0].by
	default:
		by = r.staticRules[0].by
	}
	return place(by)
}

// withFamilies gives rules that are for all packets a from, which tells their family, where it
// is wanted.
func withFamilies(rules []rule, wanted func(r *rule) bool) []rule {
	for n := range rules {
		if r := &rules[n]; !r.from.IsValid() && !r.to.IsValid() && wanted(r) {
			r.from = anywhere(r.ipv6)
		}
	}
	return rules
}
