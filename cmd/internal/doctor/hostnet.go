package doctor

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// more reads the sysctls that VIPs go by, besides those of services.
func (root files) more(f *Facts) {
	if f.Sysctls == nil {
		f.Sysctls = map[string]int{}
	}
	add := func(folder string, names ...string) {
		for _, name := range names {
			if value, err := sysctl.Read(root.path("proc/sys"), folder+"/"+name); err == nil {
				f.Sysctls[folder+"/"+name] = value
			}
		}
	}
	add("net/ipv4", "ip_nonlocal_bind")
	for _, name := range append([]string{"all"}, interfaceNames(*f)...) {
		add("net/ipv4/conf/"+name, "promote_secondaries")
		add("net/ipv6/conf/"+name, "disable_ipv6", "accept_dad")
	}
}

func interfaceNames(f Facts) (names []string) {
	for _, i := range f.Interfaces {
		names = append(names, i.Name)
	}
	return names
}

// defaultRoutes returns the interfaces of the IPv4 default routes, by /proc/net/route.
func defaultRoutes(text string) (names []string) {
	const device, destination, flags, mask, fields = 0, 1, 3, 7, 8
	for line := range strings.Lines(text) {
		route := strings.Fields(line)
		if len(route) < fields || route[destination] != "00000000" || route[mask] != "00000000" || route[flags] == "0200" {
			continue
		}
		if !slices.Contains(names, route[device]) {
			names = append(names, route[device])
		}
	}
	return names
}

// gateways returns those of the IPv4 default routes, by /proc/net/route.
func gateways(text string) (all []netip.Addr) {
	const destination, gateway, flags, mask, fields = 1, 2, 3, 7, 8
	for line := range strings.Lines(text) {
		route := strings.Fields(line)
		if len(route) < fields || route[destination] != "00000000" || route[mask] != "00000000" || route[flags] == "0200" {
			continue
		}
		if number, err := strconv.ParseUint(route[gateway], 16, 32); err == nil && number != 0 { // as the machine has it
			all = append(all, netip.AddrFrom4([4]byte(binary.NativeEndian.AppendUint32(nil, uint32(number)))))
		}
	}
	return all
}

// hosting finds settings of the kernel by which VIPs do not work, or not as they should.
func hosting(c *config.Config, f Facts) (all []Finding) {
	held := vips(c)
	byName := map[string][]netip.Addr{}
	for _, vip := range slices.SortedFunc(maps.Keys(held), netip.Addr.Compare) {
		byName[held[vip]] = append(byName[held[vip]], vip)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		i, ok := f.find(name)
		if !ok || i.Loopback {
			continue
		}
		all = append(all, hosts4(c, f, i, byName[name])...)
		all = append(all, hosts6(f, i, byName[name])...)
	}
	return slices.Concat(all, unanswered(c, f), cutOff(c, f), bound(c, f))
}

// hosts4 is about the IPv4 VIPs on an interface.
func hosts4(c *config.Config, f Facts, i Interface, held []netip.Addr) (all []Finding) {
	at := slices.IndexFunc(held, netip.Addr.Is4)
	if at < 0 {
		return nil
	}
	vip := held[at].String()
	of := func(name string) int {
		return max(f.Sysctls["net/ipv4/conf/all/"+name], f.Sysctls["net/ipv4/conf/"+i.Name+"/"+name])
	}
	show := func(name string) string { return sysctl.Display("net/ipv4/conf/" + i.Name + "/" + name) }
	set := func(name string, value int) string {
		one, other := sysctl.Setting{Name: "net/ipv4/conf/all/" + name, Value: value}, sysctl.Setting{Name: "net/ipv4/conf/" + i.Name + "/" + name, Value: value}
		return "sysctl -w " + one.String() + " " + other.String()
	}
	if of("arp_ignore") > 2 {
		all = append(all, Finding{
			Error, show("arp_ignore"), fmt.Sprintf("is %d: the kernel answers no ARP request for %s, or not for all", of("arp_ignore"), vip), set("arp_ignore", 1),
		})
	}
	if of("rp_filter") == 1 && len(f.Routes) > 0 && !slices.Contains(f.Routes, i.Name) {
		all = append(all, Finding{
			Warning, show("rp_filter"), fmt.Sprintf("is strict, and the default route leads by %s: what comes to %s from clients beyond the subnet is dropped", list(f.Routes), vip),
			set("rp_filter", 2),
		})
	}
	if of("arp_ignore") == 0 && f.twice(i, held[at]) {
		all = append(all, Finding{
			Hint, show("arp_ignore"), "is 0, and another interface is in the subnet of " + vip + ": both answer ARP requests for it, each with its own MAC", set("arp_ignore", 1),
		})
	}
	if of("promote_secondaries") == 0 && slices.ContainsFunc(held, func(a netip.Addr) bool { return a.Is4() && !i.reaches(a) }) && crowded(c, i.Name) {
		all = append(all, Finding{
			Hint, show("promote_secondaries"), "is 0: when the kernel loses the first VIP of a subnet it takes the others along, until perch puts them back", set("promote_secondaries", 1),
		})
	}
	return all
}

// twice tells whether an address is in the subnet of another interface, too.
func (f Facts) twice(than Interface, a netip.Addr) bool {
	return than.reaches(a) && slices.ContainsFunc(f.Interfaces, func(i Interface) bool {
		return i.Name != than.Name && i.Up && !i.Loopback && i.reaches(a) && !slices.Contains([]string{"macvlan", "vrf"}, i.Kind)
	})
}

// crowded tells whether an interface gets two VIPs of one IPv4 subnet.
func crowded(c *config.Config, name string) bool {
	seen := map[netip.Prefix]bool{}
	for _, v := range c.VIPs {
		subnet := v.Address.Masked()
		if v.Interface != name || !subnet.Addr().Is4() || subnet.IsSingleIP() {
			continue
		}
		if seen[subnet] {
			return true
		}
		seen[subnet] = true
	}
	return false
}

// leastIPv6 is the smallest MTU with which there is IPv6 (RFC 8200 section 5).
const leastIPv6 = 1280

// hosts6 is about the IPv6 VIPs on an interface.
func hosts6(f Facts, i Interface, held []netip.Addr) (all []Finding) {
	at := slices.IndexFunc(held, netip.Addr.Is6)
	if at < 0 {
		return nil
	}
	conf, vip := "net/ipv6/conf/"+i.Name+"/", held[at].String()
	if f.Sysctls[conf+"disable_ipv6"] == 1 {
		all = append(all, Finding{
			Error, sysctl.Display(conf + "disable_ipv6"), "is 1: " + vip + " cannot be added", "sysctl -w " + sysctl.Setting{Name: conf + "disable_ipv6", Value: 0}.String(),
		})
	}
	if f.Sysctls[conf+"accept_dad"] == 2 {
		all = append(all, Finding{
			Hint, sysctl.Display(conf + "accept_dad"), "is 2: IPv6, and " + vip + " with it, ends on the interface when somebody has the link-local address that it wants", "sysctl -w " + sysctl.Setting{Name: conf + "accept_dad", Value: 1}.String(),
		})
	}
	if i.MTU > 0 && i.MTU < leastIPv6 {
		all = append(all, Finding{
			Error, i.Name, fmt.Sprintf("has an MTU of %d, and there is no IPv6 with less than %d: %s cannot be added", i.MTU, leastIPv6, vip), fmt.Sprintf("ip link set %s mtu 1500", i.Name),
		})
	}
	return all
}

// bound reminds of programs that want to have a VIP before it comes.
func bound(c *config.Config, f Facts) []Finding {
	const name = "net/ipv4/ip_nonlocal_bind"
	value, known := f.Sysctls[name]
	if !leased(c) || !known || value != 0 || !f.runs("haproxy", "nginx", "envoy") {
		return nil
	}
	return []Finding{{
		Hint, sysctl.Display(name), "is 0: a proxy that binds to a VIP by its address, and not to all, does not start on a node that has not got it", "sysctl -w net.ipv4.ip_nonlocal_bind=1",
	}}
}
