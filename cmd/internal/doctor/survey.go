package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Survey reads the facts of this host, in the network namespace of the calling thread.
// What it may not see is missing in them.
func Survey() (Facts, error) {
	f := readFiles(os.DirFS("/"))
	if err := f.ask(); err != nil {
		return Facts{}, fmt.Errorf("survey this host: %w", err)
	}
	return f, nil
}

// sysctls are those that something here goes by.
var sysctls = []string{
	"kernel/modules_disabled",
	"net/ipv4/ip_forward",
	"net/ipv4/conf/*/arp_announce",
	"net/ipv4/conf/*/arp_ignore",
	"net/ipv4/conf/*/rp_filter",
	"net/ipv4/conf/*/send_redirects",
	"net/ipv4/vs/*",
	"net/ipv6/conf/*/accept_ra",
	"net/ipv6/conf/all/forwarding",
}

// readFiles reads what is in files, below the root of a file system.
func readFiles(root fs.FS) Facts {
	release := strings.TrimSpace(read(root, "proc/sys/kernel/osrelease"))
	f := Facts{
		Kernel:   release,
		System:   system(read(root, "etc/os-release")),
		Sysctls:  readSysctls(root),
		Modules:  readModules(root, release),
		Firewall: strings.TrimSpace(read(root, "proc/thread-self/net/ip_tables_names")) != "",
	}
	for _, name := range advertised(read(root, "proc/thread-self/net/ipv6_route")) {
		if f.Sysctls["net/ipv6/conf/"+name+"/accept_ra"] == 1 {
			f.Interfaces = append(f.Interfaces, Interface{Name: name, Advertised: true})
		}
	}
	return f
}

// read returns "" for what cannot be read.
func read(root fs.FS, name string) string {
	text, _ := fs.ReadFile(root, name)
	return string(text)
}

func readSysctls(root fs.FS) map[string]int {
	values := map[string]int{}
	for _, pattern := range sysctls {
		names, _ := fs.Glob(root, "proc/sys/"+pattern) // the patterns are right
		for _, name := range names {
			if value, err := strconv.Atoi(strings.TrimSpace(read(root, name))); err == nil {
				values[strings.TrimPrefix(name, "proc/sys/")] = value
			}
		}
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

// readModules reads lists of modules: of those that are loaded, and of those for a
// release of the kernel that are built in, and that are files.
func readModules(root fs.FS, release string) Modules {
	dir := "lib/modules/" + release + "/"
	m := Modules{
		Loaded:   ipvsModules(read(root, "proc/modules")),
		Loadable: ipvsModules(read(root, dir+"modules.builtin") + read(root, dir+"modules.dep")),
	}
	_, err := fs.Stat(root, dir+"modules.dep")
	m.Known = err == nil
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
