package doctor

import (
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// module is one that services need.
type module struct {
	name string
	why  string
}

// modules finds those that the kernel cannot load. It loads by itself what it can.
func modules(c *config.Config, f Facts) (all []Finding) {
	if len(c.Services) == 0 {
		return nil
	}
	if !f.Modules.has("ip_vs") {
		return []Finding{noIPVS(f)}
	}
	for _, m := range wanted(c) {
		switch {
		case f.Modules.has(m.name) && (slices.Contains(f.Modules.Loaded, m.name) || !f.sealed()):
		case f.Modules.has(m.name):
			all = append(all, Finding{
				Error, m.name, m.why + " and not loaded; kernel.modules_disabled lets nobody do so until the next boot",
				"echo " + m.name + " >>/etc/modules-load.d/perch.conf # and reboot when it suits",
			})
		case !f.Modules.Known:
			all = append(all, Finding{
				Hint, m.name, m.why + " and not loaded; whether it can be is not to be seen here, as there are no files of kernel " + f.Kernel,
				"modprobe " + m.name,
			})
		default:
			all = append(all, Finding{Error, m.name, m.why + " and not in kernel " + f.Kernel, install(f)})
		}
	}
	return all
}

// sealed reports whether no more modules can be loaded.
func (f Facts) sealed() bool { return f.Sysctls["kernel/modules_disabled"] == 1 }

func noIPVS(f Facts) Finding {
	if !f.Modules.Known {
		return Finding{
			Error, "ip_vs", "is not loaded, and this host has no files of kernel " + f.Kernel + " to load it from: no service works",
			"modprobe ip_vs # on the host itself, if this is a container",
		}
	}
	return Finding{Error, "ip_vs", "is not in kernel " + f.Kernel + ": no service works", install(f)}
}

// wanted returns the modules of a config's services, each once.
func wanted(c *config.Config) []module {
	all := []module{{"ip_vs", "is needed by services"}}
	add := func(name, why string) {
		if !slices.ContainsFunc(all, func(m module) bool { return m.name == name }) {
			all = append(all, module{name, why})
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		add("ip_vs_"+s.Scheduler, "is needed by the scheduler of "+s.Name)
		if s.PersistenceEngine != "" {
			add("ip_vs_pe_"+s.PersistenceEngine, "is needed by the persistence engine of "+s.Name)
		}
	}
	return all
}

// install returns the command that may bring a module, by distribution: some have those
// of IPVS in a package of their own.
func install(f Facts) string {
	is := func(name string) bool { return slices.Contains(f.System, name) }
	switch {
	case is("ubuntu"):
		return "apt install linux-modules-extra-" + f.Kernel
	case is("fedora"), is("rhel"):
		return "dnf install kernel-modules-" + f.Kernel
	case strings.Contains(f.Kernel, "-cloud-") && is("debian"):
		return "apt install linux-image-" + lastPart(f.Kernel)
	default:
		return "grep IP_VS /boot/config-" + f.Kernel
	}
}

// lastPart is the architecture in the release of a Debian kernel: amd64 of
// 6.1.0-44-cloud-amd64.
func lastPart(release string) string { return release[strings.LastIndex(release, "-")+1:] }
