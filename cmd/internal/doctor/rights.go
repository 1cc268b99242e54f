package doctor

import (
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Capabilities are what a process may do, a bit for each.
type Capabilities uint64

func (c Capabilities) has(bit int) bool { return c&(1<<bit) != 0 }

// Rights are those of whoever runs doctor.
type Rights struct {
	Known bool
	User  string
	UID   int
	Caps  Capabilities
	// Perch and PerchGroup are user and group of the shipped unit, -1 if there is none.
	Perch, PerchGroup int
}

func (root files) rights() Rights {
	p := readProcess(root.read("proc/self/status"))
	return Rights{Known: p.Read, User: userName(), UID: p.UID, Caps: p.Caps, Perch: perchUID(), PerchGroup: perchGID()}
}

// right is a capability that a config needs.
type right struct {
	severity Severity
	bits     []int  // one of these will do
	name     string // of the first
	why      string // what comes of it if it is missing
}

// rightsFor returns the capabilities that a config needs.
func rightsFor(c *config.Config) (all []right) {
	need := func(when bool, severity Severity, name, why string, bits ...int) {
		if when {
			all = append(all, right{severity, bits, name, why})
		}
	}
	holds := len(vips(c)) > 0 || len(c.Services) > 0
	need(holds, Error, "CAP_NET_ADMIN", "no VIP can be held", unix.CAP_NET_ADMIN)
	need(holds, Error, "CAP_NET_RAW", "no VIP can be announced", unix.CAP_NET_RAW)
	switch c.Fence() {
	case "bpf":
		need(leased(c), Error, "CAP_BPF", `there is no fence, as fence = "bpf" wants that one`, unix.CAP_BPF, unix.CAP_SYS_ADMIN)
	case "auto":
		need(leased(c), Warning, "CAP_BPF", "the fence is a weaker one than bpf", unix.CAP_BPF, unix.CAP_SYS_ADMIN)
	}
	others := scriptUsers(c)
	need(others, Error, "CAP_SETUID", "programs do not run as the users that the config names", unix.CAP_SETUID)
	need(others, Error, "CAP_SETGID", "programs do not run as the users that the config names", unix.CAP_SETGID)
	need(c.Node.NetNamespace != "", Error, "CAP_SYS_ADMIN", "perch cannot enter its network namespace", unix.CAP_SYS_ADMIN)
	return all
}

// leased tells whether a config has addresses that a fence is for.
func leased(c *config.Config) bool { return len(c.VIPs) > 0 || len(c.VRRP) > 0 }

// scriptUsers tells whether programs are to run as somebody whom the config names.
func scriptUsers(c *config.Config) bool {
	return c.Node.ProgramUser != "" ||
		slices.ContainsFunc(c.Checks, func(k config.Check) bool { return k.Script.User != "" }) ||
		slices.ContainsFunc(c.ServerChecks, func(k config.Check) bool { return k.Script.User != "" }) ||
		slices.ContainsFunc(c.Notify, func(n config.Notify) bool { return n.User != "" })
}

// allowed finds what the daemon may not do, or what whoever runs doctor would not be
// allowed to if there is no daemon.
func allowed(c *config.Config, f Facts) (all []Finding) {
	for _, d := range f.daemons() {
		if d.Read {
			all = append(all, missingRights(c, d)...)
		}
	}
	if all != nil || len(f.daemons()) > 0 || !f.Rights.Known {
		return all
	}
	var names []string
	for _, r := range rightsFor(c) {
		if !r.met(f.Rights.Caps) {
			names = append(names, r.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []Finding{{
		Hint, "user " + f.Rights.User,
		"has run this doctor without " + list(names) + ": not all could be looked at, and a perch that this user starts would lack them, too",
		f.again(),
	}}
}

func (r right) met(has Capabilities) bool { return slices.ContainsFunc(r.bits, has.has) }

func missingRights(c *config.Config, d Process) (all []Finding) {
	subject := "perch (process " + strconv.Itoa(d.PID) + ")"
	for _, r := range rightsFor(c) {
		if !r.met(d.Caps) {
			all = append(all, Finding{
				r.severity, subject, "runs without " + r.name + ": " + r.why,
				"systemctl edit perch && systemctl try-restart perch # [Service] AmbientCapabilities=" + r.name + " CapabilityBoundingSet=" + r.name,
			})
		}
	}
	if d.Alone && !d.Caps.has(unix.CAP_SYS_PTRACE) && looksAtProcesses(c) {
		all = append(all, Finding{
			Error, subject, "sees its own user's processes alone, since /proc hides the others (hidepid): a check of kind process does not find them",
			"systemctl edit perch && systemctl try-restart perch # [Service] ProtectProc=default",
		})
	}
	if d.Fixed && setsSysctls(c) {
		all = append(all, Finding{
			Error, subject, "has /proc/sys read-only: the sysctls of manage_sysctls and virtual_mac are not set",
			"systemctl edit perch && systemctl try-restart perch # [Service] ProtectKernelTunables=no",
		})
	}
	return all
}

// looksAtProcesses tells whether a config has perch do so.
func looksAtProcesses(c *config.Config) bool {
	process := func(k config.Check) bool { return k.Kind == "process" }
	return slices.ContainsFunc(c.Checks, process) || slices.ContainsFunc(c.ServerChecks, process)
}

// setsSysctls tells whether a config has perch do so.
func setsSysctls(c *config.Config) bool {
	return c.IPVS.ManageSysctls && len(c.Services) > 0 ||
		slices.ContainsFunc(c.VRRP, func(r config.VirtualRouter) bool { return r.VirtualMAC })
}

// perchName is that of the user and the group of the shipped unit.
const perchName = "perch"

func perchUID() int {
	u, err := user.Lookup(perchName)
	if err != nil {
		return -1
	}
	return number(u.Uid)
}

func perchGID() int {
	g, err := user.LookupGroup(perchName)
	if err != nil {
		return -1
	}
	return number(g.Gid)
}

func number(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		return -1
	}
	return n
}
