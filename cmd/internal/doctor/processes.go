package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is one that something here goes by, and that is seen to be in this network
// namespace.
type Process struct {
	PID    int
	Name   string   // as the kernel has it, cut to 15 bytes
	Args   []string // those of its command line, its name first
	UID    int
	GID    int
	Groups []int        // further ones
	Caps   Capabilities // effective
	Read   bool         // whether UID and Caps are known
	Fixed  bool         // /proc/sys is read-only to it
	Alone  bool         // its /proc hides the processes of other users
	// Instances are the virtual routers of a keepalived.
	Instances []instance
}

// noticed are the names of processes that are looked at.
func noticed() []string {
	return []string{
		"perch", "keepalived", "vrrpd", "ucarp", "systemd-network", "NetworkManager", "dhclient", "firewalld",
		"haproxy", "nginx", "envoy", "chronyd",
	}
}

// processes returns those of a noticed name.
func (root files) processes() (all []Process) {
	names, _ := filepath.Glob(root.path("proc/[0-9]*/comm"))
	here, _ := os.Readlink(root.path("proc/thread-self/ns/net"))
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := "proc/" + strconv.Itoa(pid) + "/"
		comm := strings.TrimSpace(root.read(dir + "comm"))
		there, err := os.Readlink(root.path(dir + "ns/net"))
		if !slices.Contains(noticed(), comm) || err != nil || there != here {
			continue
		}
		p := readProcess(root.read(dir + "status"))
		p.PID, p.Name = pid, comm
		p.Args = strings.Split(strings.TrimRight(root.read(dir+"cmdline"), "\x00"), "\x00")
		mounts := root.read(dir + "mountinfo")
		p.Fixed, p.Alone = isFixed(mounts), isAlone(mounts, p.GID)
		if comm == "keepalived" {
			p.Instances = instances(root.read(dir + "root/" + confOf(p.Args)))
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Process) int { return a.PID - b.PID })
	return all
}

// readProcess reads what /proc/PID/status says.
func readProcess(status string) (p Process) {
	for line := range strings.Lines(status) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch {
		case key == "Uid" && len(fields) > 1:
			p.UID, _ = strconv.Atoi(fields[1])
		case key == "Gid" && len(fields) > 1:
			p.GID, _ = strconv.Atoi(fields[1])
		case key == "Groups":
			for _, field := range fields {
				p.Groups = append(p.Groups, number(field))
			}
		case key == "CapEff" && len(fields) == 1:
			caps, err := strconv.ParseUint(fields[0], 16, 64)
			p.Caps, p.Read = Capabilities(caps), err == nil
		}
	}
	return p
}

// isFixed tells, by its mountinfo, whether a process has /proc/sys read-only.
func isFixed(mounts string) bool {
	const point, options = 4, 5
	fixed := false
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) > options && fields[point] == "/proc/sys" { // a later one is on top
			fixed = slices.Contains(strings.Split(fields[options], ","), "ro")
		}
	}
	return fixed
}

// isAlone tells, by its mountinfo, whether a process of a group sees its own user's processes
// only.
func isAlone(mounts string, gid int) bool {
	const point = 4
	alone := false
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) <= point || fields[point] != "/proc" {
			continue
		}
		options := strings.Split(fields[len(fields)-1], ",")
		hides := func(o string) bool {
			mode, ok := strings.CutPrefix(o, "hidepid=")
			return ok && mode != "0" && mode != "off"
		}
		alone = slices.ContainsFunc(options, hides) && !slices.Contains(options, "gid="+strconv.Itoa(gid))
	}
	return alone
}

// daemons are the perch daemons that run.
func (f Facts) daemons() (all []Process) {
	for _, p := range f.Processes {
		if p.Name == "perch" && slices.Contains(p.Args, "serve") {
			all = append(all, p)
		}
	}
	return all
}

// runs tells whether a process of one of these names does.
func (f Facts) runs(names ...string) bool {
	return slices.ContainsFunc(f.Processes, func(p Process) bool { return slices.Contains(names, p.Name) })
}

// mayRun tells whether a process of a name does, or that is not to be seen from here.
func (f Facts) mayRun(name string) bool {
	return f.runs(name) || !f.Rights.Caps.has(unix.CAP_SYS_PTRACE)
}
