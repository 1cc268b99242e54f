package keepalived

import (
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// mailedServices are the services that mails are sent of: those of their servers, and those
// of their quorum.
type mailedServices struct {
	servers, quorums []said[string]
	checked, all     int // services: those whose servers have checks, and all
}

// mailOfService finds what of a service mails are sent of. Of its servers they are of all, if
// they are of one.
func (im *importer) mailOfService(p *plan) {
	m, mails := &im.routing.globals.mail, &im.balancing.mails
	name := said[string]{p.name, p.v.by}
	mails.all += len(p.v.entries)
	if p.v.alert.or(m.ofServers).or(m.all).value {
		mails.quorums = append(mails.quorums, name)
	}
	var none []*syntax.Statement
	some, checked := false, false
	for _, r := range p.v.servers {
		if len(r.checkers) == 0 { // nothing comes or goes
			continue
		}
		checked = true
		switch alert := r.alert.or(m.ofServers).or(m.all); {
		case alert.is(true):
			some = true
		default:
			none = append(none, alert.by)
		}
	}
	if checked {
		mails.checked += len(p.v.entries)
	}
	if !some {
		return
	}
	mails.servers = append(mails.servers, name)
	for _, by := range none {
		if m.sends() {
			im.remark(by, "mails are sent of all servers of a service, or of none: here of all")
		}
	}
}

// sends reports whether mails can be sent: keepalived knows no server but one that it is told.
func (m *mailing) sends() bool { return m.server.given() && len(m.to) > 0 }

// mailed is what a [[notify]] with a mail is about.
type mailed struct {
	on              []string
	routers, groups []said[string]
	services        []said[string]
	all             bool // of what it is about
	cluster         bool // whether it is about one
}

// with returns both in one [[notify]], if there may be one for both: what it names counts for
// all of its events, and a cluster cannot be named.
func (a mailed) with(b mailed) (both mailed, ok bool) {
	if len(a.services) > 0 && !slices.EqualFunc(a.services, b.services, sameName) && !(a.all && b.all) || a.cluster && !b.all {
		return a, false
	}
	a.on = slices.Concat(a.on, b.on)
	a.services = b.services
	a.all = a.all && b.all
	return a, true
}

func sameName(a, b said[string]) bool { return a.value == b.value }

// writeMails says in [[notify]] what mails are sent of, and to whom.
func (im *importer) writeMails() {
	s := &im.balancing.mails
	var parts []mailed
	for _, part := range []mailed{
		im.mailsOfRouters(),
		{on: []string{"server_up", "server_down"}, services: s.servers, all: len(s.servers) == s.checked},
		{on: []string{"quorum_up", "quorum_down"}, services: s.quorums, all: len(s.quorums) == s.all},
	} {
		if len(part.routers)+len(part.groups)+len(part.services) > 0 {
			parts = append(parts, part)
		}
	}
	if !im.routing.globals.mail.sends() || len(parts) == 0 {
		im.explainNoMails(len(parts))
		return
	}
	last := parts[0]
	for _, part := range parts[1:] {
		both, ok := last.with(part)
		if !ok {
			im.writeMail(last)
			both = part
		}
		last = both
	}
	im.writeMail(last)
}

// explainNoMails says why keepalived sends no mails.
func (im *importer) explainNoMails(parts int) {
	switch m := &im.routing.globals.mail; {
	case m.by == nil && m.server.given():
		im.remark(m.server.by, "without notification_email keepalived sends no mails, and so it is here")
	case len(m.to) == 0: // there is none, or what is wrong with each is said
	case parts == 0:
		im.remark(m.by, "nothing has an smtp_alert that is on, so that keepalived sends no mails, and so it is here")
	case !m.server.given():
		im.remark(m.by, "without smtp_server keepalived sends no mails, and so it is here")
	}
}

// mailsOfRouters returns the virtual routers and groups that mails are sent of. Of a group of
// one its member is told.
func (im *importer) mailsOfRouters() (a mailed) {
	m, r := &im.routing.globals.mail, &im.routing
	normal := m.ofRouters.or(m.all)
	a.all = true
	alone := map[*instance]bool{}
	for _, g := range r.groups {
		alert := g.alert.or(normal)
		switch {
		case len(g.instances) == 1:
			alone[g.instances[0]] = alert.value
		case alert.value:
			a.groups = append(a.groups, said[string]{g.title, firstBy(g.alert.by, g.by)})
		default:
			a.all = false
		}
	}
	for _, i := range r.instances {
		if i.alert.or(normal).value || alone[i] {
			a.routers = append(a.routers, said[string]{i.title, firstBy(i.alert.by, i.by)})
		} else {
			a.all = false
		}
	}
	a.on = []string{"master", "backup", "fault"}
	if m.noFaults.value {
		a.on = a.on[:2]
	}
	if im.o.Raft.replaces() {
		a.on, a.all, a.cluster = eventsOfCluster(a.on), true, true
	}
	return a
}

// writeMail writes one [[notify]], which names nothing if it is about all.
func (im *importer) writeMail(a mailed) {
	m := &im.routing.globals.mail
	t := im.doc.Element("notify", place(m.by))
	t.Comments = im.claim(m.by)
	t.Set("on", document.Texts(a.on, place(m.by)), place(m.by))
	if !a.all {
		im.writeNames(t, "vrrp", a.routers)
		im.writeNames(t, "sync_group", a.groups)
		im.writeNames(t, "service", a.services)
	}
	if m.timeout.given() && m.timeout.value != 30*time.Second {
		im.set(t, "timeout", document.Duration(m.timeout.value), m.timeout.by)
	}
	mail := t.Table("mail", place(m.by))
	im.set(mail, "server", document.Text(m.server.value), m.server.by)
	if m.from.given() {
		im.set(mail, "from", document.Text(m.from.value), m.from.by)
	}
	im.writeNames(mail, "to", m.to)
	if m.hello.given() {
		im.set(mail, "hello", document.Text(m.hello.value), m.hello.by)
	}
}

// writeNames writes a list of what is said.
func (im *importer) writeNames(t *document.Table, key string, names []said[string]) {
	l := &list{}
	for _, name := range names {
		im.add(l, document.Text(name.value), name.by)
	}
	l.write(t, key)
}
