package keepalived

import "github.com/perch-vip/perch/cmd/internal/keepalived/syntax"

// notification is what is told of the changes of an instance or a sync group.
type notification struct {
	commands   []command
	priorities said[bool] // notify_priority_changes
	deleted    said[bool] // notify_deleted, with a program or without
}

// command is a program that is run because something has happened.
type command struct {
	by   *syntax.Statement
	on   string // the keyword
	argv []string
	user said[string]
}

// fifos are what global_defs has told of changes.
type fifos struct {
	all, routers fifo
	priorities   said[bool]
	states       said[bool] // fifo_write_vrrp_states_on_reload
}

// fifo is a FIFO with a line for each change, and the program that reads it.
type fifo struct {
	path    said[string]
	user    said[string] // whose it is
	command command
}

// noticeKeywords are the keywords of programs that an instance and a group both have.
func noticeKeywords() []string {
	return []string{"notify_master", "notify_backup", "notify_fault", "notify_stop", "notify"}
}

func instanceNotices() vocabulary[*instance] {
	v := vocabulary[*instance]{
		"notify_priority_changes": keepFlag(func(i *instance) *said[bool] { return &i.own().notify.priorities }),
		"notify_deleted": means(func(im *importer, s *syntax.Statement, i *instance) {
			im.readDeleted(s, &i.own().notify)
		}),
	}
	v.all(means(func(im *importer, s *syntax.Statement, i *instance) { im.readNotice(s, &i.own().notify) }),
		append(noticeKeywords(), "notify_master_rx_lower_pri")...)
	return v
}

// groupNotices lack notify_deleted: keepalived's manual has it, keepalived has not.
func groupNotices() vocabulary[*syncGroup] {
	v := vocabulary[*syncGroup]{
		"notify_priority_changes": keepFlag(func(g *syncGroup) *said[bool] { return &g.notify.priorities }),
	}
	v.all(means(func(im *importer, s *syntax.Statement, g *syncGroup) { im.readNotice(s, &g.notify) }),
		noticeKeywords()...)
	return v
}

func (im *importer) readNotice(s *syntax.Statement, n *notification) {
	c, ok := im.told(s)
	if !ok {
		return
	}
	for _, first := range n.commands {
		if first.on == c.on {
			im.again(s, first.by)
			return
		}
	}
	n.commands = append(n.commands, c)
}

// readDeleted reads notify_deleted [PROGRAM].
func (im *importer) readDeleted(s *syntax.Statement, n *notification) {
	n.deleted = said[bool]{true, s}
	if len(s.Args()) > 0 {
		im.readNotice(s, n)
	}
}

func (im *importer) told(s *syntax.Statement) (c command, ok bool) {
	c = command{by: s, on: s.Keyword()}
	c.argv, c.user = im.command(s)
	return c, c.argv != nil
}

// globalsOfNotices are the words of global_defs that are about FIFOs.
func globalsOfNotices() vocabulary[*importer] {
	all := func(im *importer) *fifo { return &im.routing.globals.fifos.all }
	routers := func(im *importer) *fifo { return &im.routing.globals.fifos.routers }
	return vocabulary[*importer]{
		"notify_fifo":             keepFIFO(all),
		"notify_fifo_script":      keepFIFOScript(all),
		"vrrp_notify_fifo":        keepFIFO(routers),
		"vrrp_notify_fifo_script": keepFIFOScript(routers),
		"vrrp_notify_priority_changes": keepFlag(func(im *importer) *said[bool] {
			return &im.routing.globals.fifos.priorities
		}),
		"fifo_write_vrrp_states_on_reload": means(readStates),
	}
}

// readStates reads fifo_write_vrrp_states_on_reload, of which keepalived heeds nothing but that it
// is there.
func readStates(im *importer, s *syntax.Statement, _ *importer) {
	if len(s.Args()) > 0 {
		im.remark(s, "means on whatever is behind it, as with keepalived")
	}
	keep(im, &im.routing.globals.fifos.states, true, s)
}

// keepFIFO is a keyword with the path of a FIFO, and maybe whose it is.
func keepFIFO(at func(*importer) *fifo) word[*importer] {
	return means(func(im *importer, s *syntax.Statement, _ *importer) {
		args := s.Args()
		if len(args) == 0 {
			im.wrong(s, "missing; must have the path of a FIFO")
			return
		}
		f := at(im)
		if f.path.given() {
			im.again(s, f.path.by)
			return
		}
		f.path = said[string]{args[0], s}
		if len(args) > 1 {
			if user, ok := im.user(s, args[1:]); ok {
				f.user = said[string]{user, s}
			}
		}
		if len(args) == 3 && args[2] != args[1] {
			im.remark(s, "with perch it has the group of user "+quoted(args[1])+", not "+quoted(args[2]))
		}
	})
}

func keepFIFOScript(at func(*importer) *fifo) word[*importer] {
	return means(func(im *importer, s *syntax.Statement, _ *importer) {
		im.keepCommand(s, &at(im).command)
	})
}
