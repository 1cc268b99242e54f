package keepalived

import (
	"fmt"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// serverNotice is a [[notify]] with a program that is told of servers or quorums.
type serverNotice struct {
	on       string
	program  said[program]
	comments []string // of the program
	services list
}

// tellOfServers has programs told of the servers of a service, and of its quorum if somebody
// else than perch's own user runs them.
func (im *importer) tellOfServers(p *plan) {
	im.tellOfServer(p, "server_up", func(r *realServer) said[program] { return r.notifyUp })
	im.tellOfServer(p, "server_down", func(r *realServer) said[program] { return r.notifyDown })
	for _, q := range p.v.quorumPrograms() {
		if q.given() && im.runsAs(q.said).is("root") != "root" {
			im.addNotice(p.name, q.name, q.said)
		}
	}
	im.mailOfService(p)
}

// tellOfServer has a program told of all servers of a service, if it is the same for all.
func (im *importer) tellOfServer(p *plan, on string, of func(*realServer) said[program]) {
	first := of(p.v.servers[0])
	other := func(r *realServer) bool { return !sameProgram(of(r), first) }
	if !slices.ContainsFunc(p.v.servers, other) {
		if first.given() {
			im.addNotice(p.name, on, first)
		}
		return
	}
	for _, r := range p.v.servers {
		if by := of(r).by; by != nil {
			im.lose(by, "runs a program of this server's own", fmt.Sprintf("a [[notify]] with on = [%q] is told of all servers of a service, and has the server in PERCH_SERVER", on))
		}
	}
}

func sameProgram(a, b said[program]) bool {
	return a.given() == b.given() && slices.Equal(a.value.argv, b.value.argv) && a.value.user == b.value.user
}

// quorumProgram is a program that is told of a quorum.
type quorumProgram struct {
	name string // of the key, and the event
	said[program]
}

func (v *virtualServer) quorumPrograms() []quorumProgram {
	return []quorumProgram{{"quorum_up", v.quorumUp}, {"quorum_down", v.quorumDown}}
}

// runsAs returns who runs a program, if the file says so.
func (im *importer) runsAs(p said[program]) said[string] {
	if p.value.user != "" {
		return said[string]{p.value.user, p.by}
	}
	return im.routing.globals.scriptUser
}

func (im *importer) addNotice(service, on string, p said[program]) {
	b := &im.balancing
	key := strings.Join(append([]string{on, p.value.user}, p.value.argv...), "\x00")
	n := b.noticeOf[key]
	if n == nil {
		n = &serverNotice{on: on, program: p, comments: im.claim(p.by)}
		b.noticeOf[key] = n
		b.notices = append(b.notices, n)
	}
	of := &n.services
	of.by = n.program.by
	of.items = append(of.items, document.Item{Value: document.Text(service), Place: place(p.by)})
}

// writeServerNotices says in [[notify]] who is told of servers and quorums.
func (im *importer) writeServerNotices() {
	im.writeFIFO(&im.balancing.fifo, serverEvents())
	for _, n := range im.balancing.notices {
		by := n.program.by
		t := im.doc.Element("notify", place(by))
		t.Set("on", document.Texts([]string{n.on}, place(by)), place(by))
		n.services.write(t, "service")
		t.Set("exec", document.Texts(n.program.value.argv, place(by)), place(by)).Comments = n.comments
		user := im.runsAs(n.program)
		if !user.given() {
			im.ownUser(by)
		}
		im.set(t, "user", document.Text(user.is("root")), user.by)
	}
}
