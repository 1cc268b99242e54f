package keepalived

import (
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// notice is a [[notify]] with a program. Those that are alike but for their names are one.
type notice struct {
	by        *syntax.Statement
	on        []string
	argv      []string
	arguments bool // keepalived's, behind those of argv
	user      said[string]
	comments  []string
	routers   list
	groups    list
}

// key is what two of one notice have in common.
func (n *notice) key() string {
	return strings.Join(n.argv, "\x00") + "\x01" + strings.Join(n.on, " ") + "\x01" + n.user.value
}

// notices are those of a file, in its order.
type notices struct {
	list  []*notice
	known map[string]*notice
}

// like returns the notice that is like n, which it adds if there is none.
func (n *notices) like(one *notice) *notice {
	key := one.key()
	if first := n.known[key]; first != nil {
		return first
	}
	n.known[key] = one
	n.list = append(n.list, one)
	return one
}

// collectNotices finds who is told of changes. It takes their comments with it, which would
// otherwise go to the instance or group.
func (im *importer) collectNotices() []*notice {
	all := &notices{known: map[string]*notice{}}
	for _, i := range im.routing.instances {
		for _, c := range i.notify.commands {
			im.add(&im.noticeOf(all, c, &i.notify).routers, document.Text(i.title), c.by)
		}
	}
	for _, g := range im.routing.groups {
		for _, c := range g.notify.commands {
			im.tellGroup(im.noticeOf(all, c, &g.notify), g, c)
		}
	}
	return all.list
}

// tellGroup has a program told of a group; of a group of one it is told of its member.
func (im *importer) tellGroup(n *notice, g *syncGroup, c command) {
	if len(g.instances) > 1 {
		im.add(&n.groups, document.Text(g.title), c.by)
		return
	}
	im.remark(c.by, "is told of the group's only member, since it is no [[sync_group]]: as INSTANCE and not as GROUP")
	im.add(&n.routers, document.Text(g.instances[0].title), c.by)
}

// noticeOf returns the notice for a command, with those of other routers that are like it.
func (im *importer) noticeOf(all *notices, c command, of *notification) *notice {
	n := &notice{by: c.by, argv: c.argv, user: c.user.or(im.routing.globals.scriptUser)}
	switch c.on {
	case "notify":
		n.arguments = true
		n.on = []string{"master", "backup", "fault", "stop"}
		if of.deleted.given() {
			n.on = append(n.on, "deleted")
		}
	default:
		n.on = []string{strings.TrimPrefix(c.on, "notify_")}
	}
	if im.o.Raft.replaces() {
		n.on = eventsOfCluster(n.on)
	}
	n = all.like(n)
	n.comments = append(n.comments, im.claim(c.by)...)
	return n
}

// eventsOfCluster are the events of the cluster that are nearest to those of virtual routers.
func eventsOfCluster(on []string) (events []string) {
	for _, event := range on {
		event := map[string]string{"master": "owner"}[event]
		if event == "" {
			event = "standby"
		}
		if !slices.Contains(events, event) {
			events = append(events, event)
		}
	}
	return events
}

func (im *importer) writeNotice(n *notice) {
	t := im.doc.Element("notify", place(n.by))
	t.Comments = n.comments
	t.Set("on", document.Texts(n.on, place(n.by)), place(n.by))
	if !im.o.Raft.replaces() {
		n.routers.write(t, "vrrp")
		n.groups.write(t, "sync_group")
	}
	t.Set("exec", document.Texts(n.argv, place(n.by)), place(n.by))
	if n.arguments {
		t.Set("arguments", document.Text("keepalived"), place(n.by))
	}
	t.Set("user", document.Text(n.user.is("root")), place(firstBy(n.user.by, n.by)))
	if !n.user.given() {
		im.ownUser(n.by)
	}
}

// writeFIFOs says in [[notify]] which FIFOs are told of changes of virtual routers, and of all.
func (im *importer) writeFIFOs() {
	g := &im.routing.globals.fifos
	routers := im.routerEvents()
	all := routers
	if len(im.balancing.virtual) > 0 {
		all = slices.Concat(routers, serverEvents())
	}
	im.writeRouterFIFO(&g.all, all)
	im.writeRouterFIFO(&g.routers, routers)
	if s := g.states; s.given() && !g.all.path.given() && !g.routers.path.given() {
		im.remark(s.by, "does nothing without a FIFO")
	}
	im.tellOfPriorities()
}

// writeRouterFIFO does so for one of them.
func (im *importer) writeRouterFIFO(f *fifo, on []string) {
	t := im.writeFIFO(f, on)
	if s := im.routing.globals.fifos.states; t != nil && s.given() {
		im.set(t, "states_on_reload", document.Flag(true), s.by)
	}
}

// tellOfPriorities remarks on what asks for changes of a priority where no FIFO is told of them,
// or is told of those of other routers, too.
func (im *importer) tellOfPriorities() {
	r := &im.routing
	global := r.globals.fifos.priorities
	var asked []said[bool]
	for _, i := range r.instances {
		asked = append(asked, i.notify.priorities)
	}
	mixed := im.priorities() && slices.ContainsFunc(asked, func(p said[bool]) bool { return !p.or(global).value })
	for _, g := range r.groups {
		asked = append(asked, g.notify.priorities)
	}
	fifo := r.globals.fifos.all.path.given() || r.globals.fifos.routers.path.given()
	for _, p := range append(asked, global) {
		switch {
		case !p.given():
		case !fifo && p.value:
			im.remark(p.by, "does nothing without a FIFO")
		case fifo && mixed && p.by != global.by:
			im.remark(p.by, "is for all or none: the FIFO is told of the priorities of all routers")
		}
	}
}

// routerEvents are those that keepalived tells FIFOs of virtual routers of.
func (im *importer) routerEvents() []string {
	on := []string{"master", "backup", "fault", "stop", "deleted", "master_rx_lower_pri"}
	switch {
	case im.o.Raft.replaces():
		return eventsOfCluster(on)
	case im.priorities():
		return append(on, "master_priority", "backup_priority")
	}
	return on
}

// serverEvents are those that keepalived tells FIFOs of virtual servers of.
func serverEvents() []string {
	return []string{"server_up", "server_down", "quorum_up", "quorum_down"}
}

// writeFIFO says in a [[notify]] that a FIFO, if there is one, is told of events. It returns that,
// nil if there is none.
func (im *importer) writeFIFO(f *fifo, on []string) *document.Table {
	reader := f.command
	if !f.path.given() {
		if reader.by != nil {
			im.remark(reader.by, "does nothing without a FIFO")
		}
		return nil
	}
	at := place(f.path.by)
	t := im.doc.Element("notify", at)
	t.Comments = im.claim(f.path.by)
	t.Set("on", document.Texts(on, at), at)
	t.Set("fifo", document.Text(f.path.value), at)
	if reader.by != nil {
		im.set(t, "reader", document.Texts(reader.argv, place(reader.by)), reader.by)
	}
	im.writeFIFOUser(t, f)
	return t
}

// writeFIFOUser says whose a FIFO is: of one with a reader who runs that, so that nothing runs
// with more rights than with keepalived.
func (im *importer) writeFIFOUser(t *document.Table, f *fifo) {
	usual := im.routing.globals.scriptUser
	owner, reader := f.user.or(usual), f.command
	user := owner
	if reader.by != nil {
		user = reader.user.or(usual)
	}
	if reader.by != nil && f.user.given() && user.is("root") != f.user.value {
		im.remark(f.path.by, "belongs to user "+quoted(user.is("root"))+", who runs its reader")
	}
	if reader.by != nil || user.is("root") != "root" {
		t.Set("user", document.Text(user.is("root")), place(firstBy(user.by, f.path.by)))
	}
	if reader.by != nil && !user.given() {
		im.ownUser(reader.by)
	}
}

// priorities reports whether FIFOs are told of changes of a priority.
func (im *importer) priorities() bool {
	r := &im.routing
	return r.globals.fifos.priorities.value ||
		slices.ContainsFunc(r.instances, func(i *instance) bool { return i.notify.priorities.value }) ||
		slices.ContainsFunc(r.groups, func(g *syncGroup) bool { return g.notify.priorities.value })
}
