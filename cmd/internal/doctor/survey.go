package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// Survey reads the facts of this host, in the network namespace of the calling thread.
// What it may not see is missing in them.
func Survey() (Facts, error) {
	f := files("/").facts()
	if err := f.ask(); err != nil {
		return Facts{}, fmt.Errorf("survey this host: %w", err)
	}
	return f, nil
}

// files are those of a file system with that root.
type files string

func (root files) path(name string) string { return filepath.Join(string(root), name) }

// read returns "" for what cannot be read.
func (root files) read(name string) string {
	text, _ := os.ReadFile(root.path(name))
	return string(text)
}

// exists returns false also for what cannot be seen.
func (root files) exists(name string) bool {
	_, err := os.Stat(root.path(name))
	return err == nil
}

// facts returns what files tell.
func (root files) facts() Facts {
	release := strings.TrimSpace(root.read("proc/sys/kernel/osrelease"))
	f := Facts{
		Kernel:   release,
		System:   system(root.read("etc/os-release")),
		Sysctls:  root.sysctls(),
		Modules:  root.modules(release),
		Firewall: strings.TrimSpace(root.read("proc/thread-self/net/ip_tables_names")) != "",
	}
	for _, name := range advertised(root.read("proc/thread-self/net/ipv6_route")) {
		if f.Sysctls["net/ipv6/conf/"+name+"/accept_ra"] == 1 {
			f.Interfaces = append(f.Interfaces, Interface{Name: name, Advertised: true})
		}
	}
	return f
}

// sysctls returns those that something here goes by.
func (root files) sysctls() map[string]int {
	values := map[string]int{}
	add := func(folder string, names ...string) {
		for _, name := range names {
			if value, err := sysctl.Read(root.path("proc/sys"), folder+"/"+name); err == nil {
				values[folder+"/"+name] = value
			}
		}
	}
	add("kernel", "modules_disabled")
	add("net/ipv4", "ip_forward")
	add("net/ipv4/vs", "backup_only", "conntrack", "expire_nodest_conn", "expire_quiescent_template")
	add("net/ipv6/conf/all", "forwarding")
	interfaces, _ := os.ReadDir(root.path("proc/sys/net/ipv4/conf"))
	for _, i := range interfaces {
		add("net/ipv4/conf/"+i.Name(), "arp_announce", "arp_ignore", "rp_filter", "send_redirects")
		add("net/ipv6/conf/"+i.Name(), "accept_ra")
	}
	return values
}

// system returns the ID of a distribution and those that it is like, from its os-release.
func system(text string) (ids []string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if key == "ID" || key == "ID_LIKE" {
			ids = append(ids, strings.Fields(strings.Trim(value, `"'`))...)
		}
	}
	return ids
}

// modules reads lists of modules: of those that are loaded, and of those for a release of
// the kernel that are built in, and that are files.
func (root files) modules(release string) Modules {
	dir := "lib/modules/" + release + "/"
	m := Modules{
		Loaded:   ipvsModules(root.read("proc/modules")),
		Loadable: ipvsModules(root.read(dir+"modules.builtin") + root.read(dir+"modules.dep")),
		Known:    root.exists(dir + "modules.dep"),
	}
	if root.exists("proc/thread-self/net/ip_vs") && !slices.Contains(m.Loaded, "ip_vs") {
		m.Loaded = append(m.Loaded, "ip_vs")
	}
	return m
}

// ipvsModules returns those modules of a list that IPVS is made of. Lines begin with a
// name, or with a file: "kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: ...".
func ipvsModules(text string) (names []string) {
	for line := range strings.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ := strings.Cut(first[strings.LastIndex(first, "/")+1:], ".ko")
		if strings.HasPrefix(name, "ip_vs") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Flags of an IPv6 route, as in linux/ipv6_route.h.
const (
	fromAdvertisement = 0x00040000 // RTF_ADDRCONF
	isDefault         = 0x00010000 // RTF_DEFAULT
)

// advertised returns the interfaces with a default route that the kernel has from router
// advertisements, by /proc/net/ipv6_route.
func advertised(text string) (names []string) {
	const fields, flags, device = 10, 8, 9
	for line := range strings.Lines(text) {
		route := strings.Fields(line)
		if len(route) != fields {
			continue
		}
		bits, err := strconv.ParseUint(route[flags], 16, 32)
		const both = fromAdvertisement | isDefault
		if err == nil && bits&both == both && !slices.Contains(names, route[device]) {
			names = append(names, route[device])
		}
	}
	return names
}
