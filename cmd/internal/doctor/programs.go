package doctor

import (
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

// programs returns those that a config has perch run, and for what: the first of several.
func programs(c *config.Config) map[string]string {
	users := map[string]string{}
	add := func(argv []string, user string) {
		if len(argv) > 0 && users[argv[0]] == "" {
			users[argv[0]] = user
		}
	}
	add(c.Node.StartProgram, "node.start_program")
	add(c.Node.StopProgram, "node.stop_program")
	for i := range c.Services {
		add(c.Services[i].QuorumUp, "quorum_up of "+c.Services[i].Name)
		add(c.Services[i].QuorumDown, "quorum_down of "+c.Services[i].Name)
	}
	for i := range c.Notify {
		add(c.Notify[i].Exec, "[[notify]]")
		add(c.Notify[i].Reader, "[[notify]]")
		add(c.Notify[i].Converge, "[[notify]]")
	}
	for _, checks := range [][]config.Check{c.Checks, c.ServerChecks} {
		for i := range checks {
			add(checks[i].Script.Argv, "check "+checks[i].Name)
		}
	}
	return users
}

func unusable(c *config.Config, f Facts) (all []Finding) {
	users := programs(c)
	for _, path := range slices.Sorted(maps.Keys(users)) {
		if why := f.Unusable[path]; why != "" {
			all = append(all, Finding{Error, path, why + ": it is run by " + users[path], "ls -l " + path})
		}
	}
	return all
}
