package doctor

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Try completes the facts by what a config names on this host: programs, a network namespace
// and bgpd.
func (f *Facts) Try(c *config.Config) {
	if c.Node.NetNamespace != "" {
		f.Namespace = lookForNamespace(c.Node.NetNamespace)
	}
	if c.BGP != nil {
		f.tryBGP(c.BGP.Socket)
	}
	f.Unusable = map[string]string{}
	for path := range programs(c) {
		if why := tryProgram(path); why != "" {
			f.Unusable[path] = why
		}
	}
}

// tryProgram says why a program cannot be run; nothing, too, if that is not to be seen.
func tryProgram(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is not there"
	case err == nil && (info.IsDir() || info.Mode()&0o111 == 0):
		return "is not executable"
	}
	return ""
}

// purpose is what a config has a program run for, and who runs it: "" for the daemon's own user.
type purpose struct{ what, as string }

// unprivileged runs programs of [[notify]] for root, if nobody else is named.
const unprivileged = "nobody"

// programs returns those that a config has perch run: of several uses of one the first.
func programs(c *config.Config) map[string]purpose {
	users := map[string]purpose{}
	add := func(argv []string, what, as string) {
		if len(argv) > 0 && users[argv[0]].what == "" {
			users[argv[0]] = purpose{what, as}
		}
	}
	add(c.Node.StartProgram, "node.start_program", c.Node.ProgramUser)
	add(c.Node.StopProgram, "node.stop_program", c.Node.ProgramUser)
	for i := range c.Services {
		add(c.Services[i].QuorumUp, "quorum_up of "+c.Services[i].Name, "")
		add(c.Services[i].QuorumDown, "quorum_down of "+c.Services[i].Name, "")
	}
	for i := range c.Notify {
		n := &c.Notify[i]
		add(n.Exec, "[[notify]]", cmp.Or(n.User, unprivileged))
		add(n.Reader, "[[notify]]", cmp.Or(n.User, unprivileged))
		add(n.Converge, "[[notify]]", cmp.Or(n.User, unprivileged))
	}
	for _, checks := range [][]config.Check{c.Checks, c.ServerChecks} {
		for i := range checks {
			add(checks[i].Script.Argv, "check "+checks[i].Name, checks[i].Script.User)
		}
	}
	return users
}

func unusable(c *config.Config, f Facts) (all []Finding) {
	users := programs(c)
	for _, path := range slices.Sorted(maps.Keys(users)) {
		if why := f.Unusable[path]; why != "" {
			all = append(all, Finding{Error, path, why + ": it is run by " + users[path].what, "ls -l " + quoted(path)})
		}
	}
	return all
}

// Loose is why root refuses to run a program.
type Loose struct {
	At  string // what others can change: the program, or what leads to it
	Why string
}

// vetPrograms looks which programs root would run, and others can change.
func vetPrograms(c *config.Config, p Probes, known Facts) func(*Facts) {
	found := map[string]Loose{}
	for path, u := range programs(c) {
		if u.as != "root" && (u.as != "" || !known.asRoot()) || tryProgram(path) != "" {
			continue
		}
		if at, err := p.Vet(path); err != nil {
			found[path] = Loose{at, err.Error()}
		}
	}
	return func(f *Facts) { f.Loose = found }
}

// asRoot tells whether a daemon is root, or would be if whoever runs doctor started it.
func (f Facts) asRoot() bool {
	daemons := f.daemons()
	if len(daemons) == 0 {
		return f.Rights.Known && f.Rights.UID == 0 && f.Rights.Perch < 0
	}
	return slices.ContainsFunc(daemons, func(p Process) bool { return p.Read && p.UID == 0 })
}

func loose(c *config.Config, f Facts) (all []Finding) {
	users := programs(c)
	for _, path := range slices.Sorted(maps.Keys(f.Loose)) {
		found, command := f.Loose[path], "ls -l "+quoted(path)
		if found.At != "" {
			command = "chown -h root " + quoted(found.At) + " && chmod go-w " + quoted(found.At) // -h for a link
		}
		all = append(all, Finding{Error, path, "is not run by " + users[path].what + ": " + found.Why, command})
	}
	return all
}
