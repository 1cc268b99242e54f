package keepalived

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// longestProgram is for how long perch lets a program run at its start or end.
const longestProgram = time.Minute

// usualProgram is for how long both let one run, where nothing is said.
const usualProgram = 10 * time.Second

// writePrograms says in [node] what is run at the start and at the end.
func (im *importer) writePrograms(t *document.Table) {
	g := &im.routing.globals
	im.writeProgram(t, "start", &g.startup)
	im.writeProgram(t, "stop", &g.shutdown)
	im.writeProgramUser(t)
}

func (im *importer) writeProgram(t *document.Table, name string, p *endProgram) {
	by := p.command.by
	switch {
	case by == nil && p.timeout.given():
		im.remark(p.timeout.by, "does nothing without a program")
		return
	case by == nil:
		return
	}
	im.set(t, name+"_program", document.Texts(p.command.argv, place(by)), by)
	limit := p.timeout.is(usualProgram)
	if limit > longestProgram {
		im.remark(p.timeout.by, "becomes 1m, the most that perch has, so that systemd's own limits are kept")
		limit = longestProgram
	}
	if limit != usualProgram {
		im.set(t, name+"_timeout", document.Duration(limit), p.timeout.by)
	}
}

// writeProgramUser says who runs both.
func (im *importer) writeProgramUser(t *document.Table) {
	g := &im.routing.globals
	start, stop := g.startup.command, g.shutdown.command
	first := start
	if first.by == nil {
		first = stop
	}
	if first.by == nil {
		return
	}
	user := first.user.or(g.scriptUser)
	if !user.given() {
		im.ownUser(first.by)
	} else {
		t.Set("program_user", document.Text(user.value), place(user.by))
	}
	if other := stop.user.or(g.scriptUser); start.by != nil && stop.by != nil && other.value != user.value {
		im.remark(stop.by, "is run by the user who runs startup_script, since both have one program_user")
	}
}
