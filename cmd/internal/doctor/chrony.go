package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Chrony is what [clock] needs of this host.
type Chrony struct {
	Conf    string   // its configuration file; "" if none is to be read
	Allows  bool     // it serves time to somebody
	Sources []string // its sourcedirs
	NoFile  bool     // there is no chronyc
	NoDir   bool     // there is no folder for the sources
	Dir     Folder   // for the sources
	Run     Folder   // of the socket
}

// mostIncluded bounds the files of a configuration.
const mostIncluded = 100

func (root files) chrony(c *config.Config) (out Chrony) {
	if c.Clock == nil {
		return Chrony{}
	}
	out.NoFile, out.NoDir = !root.exists(c.Clock.Chronyc), !root.exists(c.Clock.SourcesDir)
	out.Dir, out.Run = root.folder(c.Clock.SourcesDir), root.folder(filepath.Dir(c.Clock.Socket))
	for _, path := range []string{"/etc/chrony/chrony.conf", "/etc/chrony.conf"} { // Debian's, Red Hat's
		if root.read(path) != "" {
			out.Conf = path
			break
		}
	}
	for ahead, n := []string{out.Conf}, 0; len(ahead) > 0 && out.Conf != "" && n < mostIncluded; n++ {
		ahead = append(ahead[1:], out.take(root, root.read(ahead[0]))...)
	}
	return out
}

// take reads a file of chronyd's configuration, and returns those that it includes.
func (c *Chrony) take(root files, text string) (more []string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch strings.ToLower(words[0]) {
		case "allow":
			c.Allows = true
		case "sourcedir":
			c.Sources = append(c.Sources, words[1:]...)
		case "include":
			more = append(more, root.glob(words[1:], "")...)
		case "confdir":
			more = append(more, root.glob(words[1:], "*.conf")...)
		}
	}
	return more
}

// glob returns the files that patterns, each with something behind it, stand for.
func (root files) glob(patterns []string, behind string) (paths []string) {
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root.path(pattern), behind))
		if err != nil {
			continue // it stands for nothing
		}
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				paths = append(paths, strings.TrimPrefix(path, strings.TrimSuffix(string(root), "/")))
			}
		}
	}
	return paths
}

// leaderTime finds what keeps a node from taking time from the leader, or from serving it.
func leaderTime(c *config.Config, f Facts) (all []Finding) {
	if c.Clock == nil {
		return nil
	}
	dir := c.Clock.SourcesDir
	if f.Chrony.NoFile {
		all = append(all, Finding{Warning, c.Clock.Chronyc, "is not there: chronyd is not told from whom to take time", "apt install chrony # or dnf, apk"})
	}
	if len(f.Processes) > 0 && !f.runs("chronyd") && f.Rights.Caps.has(unix.CAP_SYS_PTRACE) {
		all = append(all, Finding{Warning, "chronyd", "does not run: this node neither takes time from the leader nor serves it as one", "systemctl enable --now chrony # or chronyd"})
	}
	if f.Chrony.NoDir {
		all = append(all, Finding{Warning, dir, "is not there: no source of time can be written into it", "mkdir -p " + quoted(dir)})
	}
	all = append(all, untold(f)...)
	if f.Chrony.Conf == "" {
		return all
	}
	if !slices.Contains(f.Chrony.Sources, dir) {
		all = append(all, Finding{
			Warning, f.Chrony.Conf, "has no sourcedir " + dir + ": chronyd does not read what perch writes there",
			"echo sourcedir " + quoted(dir) + " >>" + f.Chrony.Conf + " && systemctl restart chronyd",
		})
	}
	if !f.Chrony.Allows {
		all = append(all, Finding{
			Warning, f.Chrony.Conf, "has no allow: when this node leads, it serves no time to the others",
			allow(c) + " >>" + f.Chrony.Conf + " && systemctl restart chronyd",
		})
	}
	return all
}

// allow is the command that says of each other node that it may ask for the time.
func allow(c *config.Config) string {
	command := "printf 'allow %s\\n'"
	for _, p := range c.Cluster.Peers {
		if p.Name != c.Node.Name {
			command += " " + p.Address.Addr().String()
		}
	}
	return command
}
