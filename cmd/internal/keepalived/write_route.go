package keepalived

import "github.com/perch-vip/perch/cmd/internal/document"

func (im *importer) writeRoutes(t *document.Table, comments []string, routes []route) {
	l := &list{comments: comments}
	for n := range routes {
		r := routes[n]
		if r.scope == "site" {
			im.remark(r.by, "has scope site, which perch has not: the kernel chooses one")
			r.scope = ""
		}
		im.add(l, r.inline(), r.by)
	}
	l.write(t, "routes")
}

// inline returns the route as an inline table.
func (r *route) inline() document.Value {
	p := pairs{}
	p.text("destination", r.destination.String())
	if r.via.IsValid() {
		p.text("via", r.via.String())
	}
	p.text("dev", r.dev)
	if r.source.IsValid() {
		p.text("source", r.source.String())
	}
	p.number("table", r.table)
	p.number("metric", r.metric)
	p.text("scope", r.scope)
	p.flag("onlink", r.onLink)
	p.flag("blackhole", r.blackhole)
	return document.Inline(p...)
}

func (im *importer) writeRules(t *document.Table, comments []string, rules []rule) {
	l := &list{comments: comments}
	for n := range rules {
		im.add(l, rules[n].inline(), rules[n].by)
	}
	l.write(t, "rules")
}

// inline returns the rule as an inline table.
func (r *rule) inline() document.Value {
	p := pairs{}
	if r.from.IsValid() {
		p.text("from", r.from.String())
	}
	if r.to.IsValid() {
		p.text("to", r.to.String())
	}
	p.text("iif", r.iif)
	p.text("oif", r.oif)
	if r.fwmark != 0 || r.fwmask != 0 {
		p = append(p, document.Pair{Name: "fwmark", Value: document.Number(r.fwmark)})
	}
	p.number("fwmask", r.fwmask)
	p.number("table", r.table)
	p.number("pref", r.pref)
	return document.Inline(p...)
}

// pairs are the keys of an inline table: those that are given.
type pairs []document.Pair

func (p *pairs) text(name, text string) {
	if text != "" {
		*p = append(*p, document.Pair{Name: name, Value: document.Text(text)})
	}
}

func (p *pairs) number(name string, n int) {
	if n != 0 {
		*p = append(*p, document.Pair{Name: name, Value: document.Number(n)})
	}
}

func (p *pairs) flag(name string, on bool) {
	if on {
		*p = append(*p, document.Pair{Name: name, Value: document.Flag(true)})
	}
}
