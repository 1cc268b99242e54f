package doctor

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Keepers are the programs that configure interfaces, and take away what they do not know.
type Keepers struct {
	// Networkd has, for each interface that systemd-networkd configures, the .network file.
	Networkd    map[string]NetworkFile
	KeepsRoutes bool // ManageForeignRoutes=no
	KeepsRules  bool // ManageForeignRoutingPolicyRules=no
	// Managed are the interfaces that NetworkManager configures.
	Managed []string
	// Purged are those of which ifupdown2 takes the addresses that it does not know.
	Purged []string
}

// NetworkFile is a .network file of systemd-networkd.
type NetworkFile struct {
	Path  string
	Keeps bool // its KeepConfiguration is for VIPs, too
}

const (
	networkdLinks = "run/systemd/netif/links/"
	managerLinks  = "run/NetworkManager/devices/"
)

// keepers reads what they write of the interfaces, by their numbers: those of the network
// namespace where they run.
func (root files) keepers(interfaces []Interface, runs func(name string) bool) Keepers {
	k := Keepers{Networkd: map[string]NetworkFile{}}
	conf := root.networkdConf()
	k.KeepsRoutes, k.KeepsRules = isNo(conf["ManageForeignRoutes"]), isNo(conf["ManageForeignRoutingPolicyRules"])
	purged, networkd, manager := root.purged(), runs("systemd-network"), runs("NetworkManager")
	unmanaged := root.unmanaged()
	for _, i := range interfaces {
		index := strconv.Itoa(i.Index)
		link := assignments(root.read(networkdLinks + index))
		if path := link["NETWORK_FILE"]; networkd && path != "" && link["ADMIN_STATE"] != "unmanaged" {
			k.Networkd[i.Name] = NetworkFile{path, root.keeps(path)}
		}
		// What NetworkManager wrote last of an interface may be from before it was restarted. lo
		// has no connection of its own, and is left alone.
		left := i.Loopback || slices.Contains(unmanaged, i.Name)
		if manager && !left && assignments(root.read(managerLinks + index))["managed"] == "true" {
			k.Managed = append(k.Managed, i.Name)
		}
		if slices.Contains(purged, i.Name) {
			k.Purged = append(k.Purged, i.Name)
		}
	}
	return k
}

// assignments reads lines as "KEY=value", the last one of a key; none is of a section here
// whose keys are those of another.
func assignments(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && !strings.HasPrefix(key, ";") {
			all[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// isNo tells whether a boolean of systemd's is false.
func isNo(value string) bool {
	return slices.Contains([]string{"no", "false", "off", "0", "n", "f"}, strings.ToLower(value))
}

// systemdFolders are where settings of systemd are, the first counts the most.
func systemdFolders() []string {
	return []string{"etc/systemd/", "run/systemd/", "usr/local/lib/systemd/", "usr/lib/systemd/"}
}

// networkdConf returns the settings of networkd.conf and of its drop-ins.
func (root files) networkdConf() map[string]string {
	all := map[string]string{}
	for _, folder := range systemdFolders() {
		if root.exists(folder + "networkd.conf") {
			all = assignments(root.read(folder + "networkd.conf"))
			break
		}
	}
	maps.Copy(all, root.dropIns("networkd.conf.d"))
	return all
}

// dropIns returns the settings of all drop-ins of a folder, in the order of their names.
func (root files) dropIns(name string) map[string]string {
	paths := map[string]string{} // by base name: the first folder's hides the others
	for _, folder := range slices.Backward(systemdFolders()) {
		found, _ := filepath.Glob(root.path(folder + name + "/*.conf"))
		for _, path := range found {
			paths[filepath.Base(path)] = strings.TrimPrefix(path, root.path("/"))
		}
	}
	all := map[string]string{}
	for _, base := range slices.Sorted(maps.Keys(paths)) {
		maps.Copy(all, assignments(root.read(paths[base])))
	}
	return all
}

// keeps tells whether networkd leaves VIPs alone by a .network file and its drop-ins. Those
// have lifetimes, so that it takes them for dynamic addresses: "static" is not for them.
func (root files) keeps(path string) bool {
	all := assignments(root.read(path))
	maps.Copy(all, root.dropIns("network/"+filepath.Base(path)+".d"))
	return slices.Contains([]string{"yes", "true", "on", "1", "dhcp", "dynamic"}, strings.ToLower(all["KeepConfiguration"]))
}

// unmanaged returns the interfaces that NetworkManager is told by name to leave alone.
func (root files) unmanaged() (names []string) {
	paths := []string{"etc/NetworkManager/NetworkManager.conf"}
	for _, folder := range []string{"usr/lib", "run", "etc"} {
		paths = append(paths, root.glob([]string{"/" + folder + "/NetworkManager/conf.d"}, "*.conf")...)
	}
	for _, path := range paths {
		for line := range strings.Lines(root.read(path)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if strings.TrimSuffix(key, "+") != "unmanaged-devices" {
				continue
			}
			for _, device := range strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == ',' }) {
				if name, ok := strings.CutPrefix(device, "interface-name:"); ok {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// purged returns the interfaces of ifupdown2's file from which it takes what it does not know.
func (root files) purged() (names []string) {
	if !root.exists("etc/network/ifupdown2/ifupdown2.conf") {
		return nil
	}
	paths, _ := filepath.Glob(root.path("etc/network/interfaces.d/*"))
	text := root.read("etc/network/interfaces")
	for _, path := range paths {
		text += "\n" + root.read(strings.TrimPrefix(path, root.path("/")))
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) >= 2 && words[0] == "iface":
			names = append(names, words[1])
		case len(words) == 2 && words[0] == "address-purge" && isNo(words[1]) && len(names) > 0:
			names = names[:len(names)-1]
		}
	}
	return names
}

// kept finds who would take VIPs, routes or rules of perch's away.
func kept(c *config.Config, f Facts) (all []Finding) {
	used := slices.Sorted(maps.Values(vips(c)))
	for _, name := range slices.Compact(used) {
		all = append(all, keeps(f, name)...)
	}
	if len(f.Keepers.Networkd) == 0 {
		return all
	}
	all = append(all, sourceless(c, f)...)
	if hasRoutes(c) && !f.Keepers.KeepsRoutes {
		all = append(all, Finding{
			Warning, "systemd-networkd", "deletes routes that it does not know, those of perch too, when it starts or a link is configured anew",
			networkdDropIn("ManageForeignRoutes=no"),
		})
	}
	if hasRules(c) && !f.Keepers.KeepsRules {
		all = append(all, Finding{
			Warning, "systemd-networkd", "deletes routing rules that it does not know, those of perch too, when it starts or a link is configured anew",
			networkdDropIn("ManageForeignRoutingPolicyRules=no"),
		})
	}
	return all
}

// sourceless finds the virtual routers that have no source while networkd has the interface's
// own address away, which is whenever it configures it anew, whatever it is told to keep. Those
// of IPv6 go by the link-local address, which it leaves alone.
func sourceless(c *config.Config, f Facts) (all []Finding) {
	for _, r := range c.VRRP {
		if _, ok := f.Keepers.Networkd[r.Interface]; !ok || r.IPv6() || r.Source.IsValid() && !r.TrackSource {
			continue
		}
		all = append(all, Finding{
			Hint, "virtual router " + r.Name, "needs the address of " + r.Interface +
				", which systemd-networkd takes away for a moment when it configures it anew: another router becomes the master",
			"ip -4 -brief address show dev " + r.Interface + ` # and have that address as its source, without track_source`,
		})
	}
	return all
}

// networkdDropIn is one of networkd.conf.
func networkdDropIn(setting string) string {
	return `mkdir -p /etc/systemd/networkd.conf.d && printf '[Network]\n` + setting + `\n' >>/etc/systemd/networkd.conf.d/perch.conf && systemctl restart systemd-networkd`
}

// keeps is about one interface.
func keeps(f Facts, name string) (all []Finding) {
	if file, ok := f.Keepers.Networkd[name]; ok && !file.Keeps {
		dir := "/etc/systemd/network/" + filepath.Base(file.Path) + ".d"
		all = append(all, Finding{
			Warning, name, "is configured by systemd-networkd, which deletes VIPs from it when it starts or configures it anew: perch puts them back, and clients wait meanwhile",
			"mkdir -p " + dir + ` && printf '[Network]\nKeepConfiguration=yes\n' >` + dir + "/perch.conf && systemctl restart systemd-networkd",
		})
	}
	if slices.Contains(f.Keepers.Managed, name) {
		all = append(all, Finding{
			Hint, name, "is configured by NetworkManager, which deletes VIPs from it when its connection is activated or applied anew: perch puts them back, and clients wait meanwhile",
			`printf '[keyfile]\nunmanaged-devices+=interface-name:` + name + `\n' >/etc/NetworkManager/conf.d/perch-` + name + `.conf && systemctl restart NetworkManager # and configure it by other means`,
		})
	}
	if slices.Contains(f.Keepers.Purged, name) {
		all = append(all, Finding{
			Hint, name, "is configured by ifupdown2, which deletes VIPs from it with each ifreload: perch puts them back, and clients wait meanwhile",
			"sed -i '/^iface " + name + "/a address-purge no' /etc/network/interfaces",
		})
	}
	if p, ok := f.leaser(name); ok {
		all = append(all, Finding{
			Hint, name, fmt.Sprintf("has its address by dhclient (process %d), which deletes all addresses of it when the lease ends: give it a fixed one", p.PID), "ip address show dev " + name,
		})
	}
	return all
}

// leaser is the dhclient of an interface.
func (f Facts) leaser(name string) (Process, bool) {
	at := slices.IndexFunc(f.Processes, func(p Process) bool { return p.Name == "dhclient" && slices.Contains(p.Args, name) })
	if at < 0 {
		return Process{}, false
	}
	return f.Processes[at], true
}

func hasRoutes(c *config.Config) bool {
	return len(c.Static.Routes) > 0 || slices.ContainsFunc(c.VRRP, func(r config.VirtualRouter) bool { return len(r.Routes) > 0 })
}

func hasRules(c *config.Config) bool {
	return len(c.Static.Rules) > 0 || slices.ContainsFunc(c.VRRP, func(r config.VirtualRouter) bool { return len(r.Rules) > 0 })
}
