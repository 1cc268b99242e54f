package keepalived

import (
	"path"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// What a check of perch may be told.
const (
	shortestInterval = 10 * time.Millisecond
	longestInterval  = time.Hour
	longestTimeout   = 10 * time.Minute
	longestDefault   = 5 * time.Second // what timeout is at most where nothing is said
	mostLooks        = 1000
)

func (im *importer) scriptWriter(c *script) func(*document.Table) {
	if len(c.argv) == 0 {
		return nil
	}
	return func(t *document.Table) {
		name := processOf(c.argv)
		if name != "" {
			t.Set("kind", document.Text("process"), place(c.by))
			im.set(t, "target", document.Text(name), c.command)
			im.remark(c.command, "becomes a check of kind process, which asks the kernel and needs no program")
		} else {
			im.writeScript(t, c)
		}
		im.writePulse(t, c)
		im.writeVerdict(t, c)
	}
}

func (im *importer) writeScript(t *document.Table, c *script) {
	im.scripts = append(im.scripts, Script{c.command.Position, c.argv})
	t.Set("kind", document.Text("script"), place(c.by))
	t.Set("argv", document.Texts(c.argv, place(c.command)), place(c.command)).Comments = im.claim(c.command)
	if user := c.user.or(im.routing.globals.scriptUser); user.given() {
		im.set(t, "user", document.Text(user.value), user.by)
	} else {
		im.ownUser(c.command)
	}
}

// ownUser remarks, once, on who runs programs where the file does not say it.
func (im *importer) ownUser(s *syntax.Statement) {
	if !im.routing.toldUser {
		im.remark(s, "without a script_user keepalived runs programs as keepalived_script, if there is such a user, else as root; here a check runs as perch's own user, and what is told of changes as root: give user for another")
	}
	im.routing.toldUser = true
}

// writePulse says how often the script runs, and how long it may take: as long, if nothing is said.
func (im *importer) writePulse(t *document.Table, c *script) {
	there := c.interval.is(time.Second)
	interval := min(max(there, shortestInterval), longestInterval)
	if interval != there {
		im.remark(c.interval.by, "becomes "+interval.String()+", since perch looks each 10ms to each hour")
	}
	if interval != time.Second {
		im.set(t, "interval", document.Duration(interval), c.interval.by)
	}
	timeout := min(there, longestTimeout)
	if c.timeout.given() {
		timeout = im.cut(c.timeout, longestTimeout)
	}
	if timeout != min(interval, longestDefault) {
		im.set(t, "timeout", document.Duration(timeout), firstBy(c.timeout.by, c.interval.by))
	}
}

// writeVerdict says how many looks make one: 1, if nothing is said.
func (im *importer) writeVerdict(t *document.Table, c *script) {
	for _, n := range []struct {
		key   string
		looks said[int]
	}{{"rise", c.rise}, {"fall", c.fall}} {
		looks := min(n.looks.is(1), mostLooks)
		if looks != n.looks.is(1) {
			im.remark(n.looks.by, "becomes 1000, the most that perch has")
		}
		im.set(t, n.key, document.Number(looks), n.looks.by)
	}
}

// longestName is how much of a program's name the kernel keeps, in bytes.
const longestName = 15

// processOf returns the name of the process that a command asks for, if it does nothing else.
func processOf(argv []string) string {
	if argv[0] == "/usr/bin/env" && len(argv) > 1 {
		argv = argv[1:]
	}
	name := ""
	switch program := path.Base(argv[0]); {
	case program == "killall" && len(argv) == 3 && argv[1] == "-0":
		name = argv[2]
	case program == "pidof" && len(argv) == 2:
		name = argv[1]
	}
	if len(name) > longestName || strings.ContainsAny(name, "/ ") || strings.HasPrefix(name, "-") {
		return ""
	}
	return name
}
