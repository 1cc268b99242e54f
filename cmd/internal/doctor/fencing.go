package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Fencing is what is known of the fences that this host can have.
type Fencing struct {
	Tried    bool   // each was opened, in a network namespace of its own
	BPF      string // why it cannot be had; "" if it can, or was not tried
	NFTables string // likewise
	Lockdown string // of the kernel: "integrity"; "" for none
	Offset   bool   // the time since the boot is not the kernel's: a time namespace shifts it
	InFront  []Ahead
}

// Ahead is a program of somebody else that sees the packets of an interface before a fence.
type Ahead struct {
	Interface string
	Direction string // "ingress" or "egress"
	What      string // such as `filter bpf "bypass" of priority 1`
}

// isOffset reads /proc/self/timens_offsets.
func isOffset(text string) bool {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "boottime" && slices.ContainsFunc(fields[1:], func(n string) bool { return n != "0" }) {
			return true
		}
	}
	return false
}

// lockdown reads /sys/kernel/security/lockdown: "none [integrity] confidentiality".
func lockdown(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	mode, _, _ := strings.Cut(rest, "]")
	if mode == "none" {
		return ""
	}
	return mode
}

// trialModules tells whether a fence can be tried without the kernel loading a module for
// it: all that it takes are there, or there is none to load.
func (root files) trialModules(release string) bool {
	dir := "lib/modules/" + release + "/"
	if !root.exists(dir + "modules.dep") {
		return true
	}
	there := root.read("proc/modules") + root.read(dir+"modules.builtin")
	for _, name := range []string{"sch_ingress", "cls_bpf", "nf_tables"} {
		if !strings.Contains(there, "/"+name+".ko") && !strings.Contains("\n"+there, "\n"+name+" ") {
			return false
		}
	}
	return true
}

// tryFences opens each, if that changes nothing.
func tryFences(harmless bool, p Probes) func(*Facts) {
	if !harmless {
		return nil
	}
	bpf, nftables, tried := p.Fences()
	if !tried {
		return nil
	}
	return func(f *Facts) {
		f.Fencing.Tried = true
		f.Fencing.BPF, f.Fencing.NFTables = reason(bpf), reason(nftables)
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// fences finds which fence there will be, where that is not the best one.
func fences(c *config.Config, f Facts) (all []Finding) {
	if !leased(c) {
		return nil
	}
	wanted := c.Fence()
	if f.Fencing.Offset && (wanted == "auto" || wanted == "bpf") {
		all = append(all, Finding{
			Error, "the time namespace", "shifts the time since the boot by which the kernel ends leases: there is no bpf fence in it", "cat /proc/self/timens_offsets",
		})
	}
	all = append(all, weaker(wanted, f)...)
	if len(f.daemons()) == 0 && wanted != "off" && wanted != "lifetime" {
		all = append(all, untried(f)...)
	}
	if wanted == "auto" || wanted == "bpf" {
		all = append(all, inFront(f)...)
	}
	return all
}

// untried says that it is not known which fences there can be.
func untried(f Facts) []Finding {
	switch {
	case f.Fencing.Tried, slices.Contains(f.Late, fenceProbe):
		return nil
	case !f.Modules.Trial:
		return []Finding{{Hint, "fence", "was not tried, since the kernel would load modules for it, as it does when perch starts: which one there is shows then", "perch status"}}
	}
	return []Finding{{Hint, "fence", "was not tried, which takes root or CAP_SYS_ADMIN: which one there is shows when perch has started", f.again()}}
}

// weaker is about the fences that cannot be had.
func weaker(wanted string, f Facts) []Finding {
	bpf, nftables := f.Fencing.BPF, f.Fencing.NFTables
	if !f.Fencing.Tried && older(f.Kernel, 5, 8) {
		bpf = "kernel " + f.Kernel + " is older than 5.8"
	}
	show, locked := "cat /sys/kernel/security/lockdown", f.Fencing.Lockdown
	if bpf != "" && locked != "" {
		bpf += ", and the kernel is in lockdown mode " + locked + ", which may forbid it"
	} else {
		show = "grep -e CONFIG_BPF_SYSCALL -e CONFIG_NET_CLS_BPF -e CONFIG_NET_SCH_INGRESS /boot/config-$(uname -r)"
	}
	switch {
	case f.Fencing.Offset:
		return nil // which says why
	case wanted == "bpf" && bpf != "":
		return []Finding{{Error, "fence", "bpf cannot be had here, and perch does not start: " + bpf, show}}
	case wanted == "nftables" && nftables != "" && !f.NoTables:
		return []Finding{{Error, "fence", "nftables cannot be had here, and perch does not start: " + nftables, "nft list tables"}}
	case wanted == "auto" && bpf != "" && nftables != "":
		return []Finding{{
			Warning, "fence", "lifetime is what auto takes here, by which a dead or frozen owner answers for up to 3.1 s: no bpf, as " + bpf + "; no nftables, as " + nftables, show,
		}}
	case wanted == "auto" && bpf != "":
		return []Finding{{
			Warning, "fence", "nftables is what auto takes here, which a freeze at the wrong moment may open for a moment: no bpf, as " + bpf, show,
		}}
	}
	return nil
}

// older tells whether the release of a kernel is of an older version.
func older(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	digits := strings.TrimLeft(rest, "0123456789")
	second := strings.TrimSuffix(rest, digits)
	a, err := strconv.Atoi(first)
	b, err2 := strconv.Atoi(second)
	return err == nil && err2 == nil && (a < major || a == major && b < minor)
}

// inFront is about programs of others that see packets before the fence.
func inFront(f Facts) (all []Finding) {
	for _, a := range f.Fencing.InFront {
		severity, what := Hint, "perch gets in front of it"
		if older(f.Kernel, 6, 6) {
			severity, what = Warning, "this kernel is older than 6.6, and the fence may not get in front of it; then perch holds no VIP"
		}
		command := "tc filter show dev " + a.Interface + " " + a.Direction
		if strings.HasPrefix(a.What, "tcx") {
			command = "bpftool net show dev " + a.Interface
		}
		all = append(all, Finding{severity, a.Interface, fmt.Sprintf("has %s at %s before a fence: %s", a.What, a.Direction, what), command})
	}
	return all
}
