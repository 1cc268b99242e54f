package doctor

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Clock is how this host knows the time.
type Clock struct {
	Source  string   // of the kernel: "tsc"
	Others  []string // that it could take
	Virtual bool     // this is a virtual machine
	Unset   bool     // the time of day is not synchronised
}

const clockSource = "sys/devices/system/clocksource/clocksource0/"

func (root files) clock() Clock {
	return Clock{
		Source:  strings.TrimSpace(root.read(clockSource + "current_clocksource")),
		Others:  strings.Fields(root.read(clockSource + "available_clocksource")),
		Virtual: isVirtual(root.read("proc/cpuinfo")),
		Unset:   isUnset(),
	}
}

func isVirtual(cpuinfo string) bool {
	for line := range strings.Lines(cpuinfo) {
		key, flags, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "flags" {
			return slices.Contains(strings.Fields(flags), "hypervisor")
		}
	}
	return false
}

// isUnset asks whether somebody synchronises the time of day.
func isUnset() bool {
	var state unix.Timex // which asks for no change
	_, err := unix.Adjtimex(&state)
	return err == nil && state.Status&unix.STA_UNSYNC != 0
}

// clocks finds what is wrong with them. Leases go by the time since the boot, which
// nobody sets; signatures of adverts, certificates and histories by the time of day.
func clocks(c *config.Config, f Facts) (all []Finding) {
	if c.Cluster == nil && len(c.VRRP) == 0 {
		return nil
	}
	all = append(all, f.Clock.slow()...)
	switch {
	case f.Clock.Unset && dated(c):
		all = append(all, Finding{
			Warning, "the time of day", "is not synchronised: adverts with signatures, or certificates, are refused when it is wrong", "timedatectl set-ntp true",
		})
	case f.Clock.Unset:
		all = append(all, Finding{
			Hint, "the time of day", "is not synchronised: times in logs and in the history of this node are not those of the others", "timedatectl set-ntp true",
		})
	}
	if f.Clock.Virtual && c.Cluster != nil {
		all = append(all, Finding{
			Hint, "this virtual machine", "may be paused by its hypervisor, for a snapshot or a move: its clocks stop, too, and no fence covers that",
			"systemd-detect-virt",
		})
	}
	return all
}

func (c Clock) slow() []Finding {
	if !slices.Contains([]string{"hpet", "acpi_pm", "jiffies", "refined-jiffies"}, c.Source) {
		return nil
	}
	return []Finding{{
		Warning, "clock source", "is " + c.Source + ", which is slow to read: leases and adverts may be late under load",
		"dmesg | grep -i -e clocksource -e tsc",
	}}
}

// dated tells whether something of a config holds at certain times only.
func dated(c *config.Config) bool {
	return c.Cluster != nil && c.Cluster.TLSCert != "" ||
		slices.ContainsFunc(c.VRRP, func(r config.VirtualRouter) bool { return r.Auth.Kind == "hmac" && r.Auth.Window > 0 })
}
