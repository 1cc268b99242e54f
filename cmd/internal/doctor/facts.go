package doctor

import (
	"net/netip"
	"slices"
	"time"
)

// Facts are what is known of a host, as its network namespace sees it.
type Facts struct {
	File       string         // that of the config
	Kernel     string         // its release: "6.1.0-44-amd64"
	System     []string       // what distribution it is, and which ones that is like: "ubuntu", "debian"
	Sysctls    map[string]int // by their path below /proc/sys; the kernel does not have what is not there
	ReadOnly   bool           // they cannot be set here, as in many a container
	Modules    Modules
	Interfaces []Interface
	// Firewall reports whether there are rules for packets that are passed on, or for
	// their addresses.
	Firewall bool
	NoTables bool // the kernel says that it has no nftables
	// What follows depends on a config.
	Unusable  map[string]string // programs that cannot be run, and why: "is not there"
	Namespace Namespace
	BGPD      BGPD
	BGPDGroup string // whom bgpd's socket belongs to
	User      string // who has tried to speak to bgpd
	NoTUN     bool   // there is no tunDevice
	// What follows is what Probe has found.
	Processes []Process
	Sockets   []Socket // for VRRP, of programs that are no perch
	Rights    Rights
	Fencing   Fencing
	Filters   []Filter
	Keepers   Keepers
	Clock     Clock
	Chrony    Chrony
	Routes    []string     // the interfaces by which IPv4 default routes lead
	Gateways  []netip.Addr // of these
	Secrets   []Secret
	Disk      Disk
	Peers     []Peer
	Wire      Wire
	Version   string           // of this perch
	Running   string           // the version of the daemon; "" if it does not say
	Lease     time.Duration    // how long that of a leader is; 0 without a cluster
	Loose     map[string]Loose // programs that root would refuse to run
	Late      []string         // what was given up, since it took too long
}

// Modules are the modules of the kernel whose name begins with ip_vs.
type Modules struct {
	Loaded   []string // ip_vs also if it is built in
	Loadable []string // or built in
	Known    bool     // whether Loadable is: there is a folder with modules for this kernel
	Trial    bool     // a fence can be tried without the kernel loading any
}

func (m Modules) has(name string) bool {
	return slices.Contains(m.Loaded, name) || slices.Contains(m.Loadable, name)
}

// Interface is a network interface.
type Interface struct {
	Name       string
	Index      int
	MTU        int
	MAC        string // "" for none
	Kind       string // as netlink names it: "veth", "ipip"; "device" for hardware
	Up         bool
	Loopback   bool
	Multicast  bool
	Addresses  []netip.Prefix
	Lasting    []netip.Addr // of Addresses, those without a lifetime: VIPs that perch holds have one
	Advertised bool         // an IPv6 default route by it comes from router advertisements, and the kernel minds it
}

func (f Facts) find(name string) (Interface, bool) {
	i := slices.IndexFunc(f.Interfaces, func(i Interface) bool { return i.Name == name })
	if i < 0 {
		return Interface{}, false
	}
	return f.Interfaces[i], true
}

// has reports whether an address is one of the interface.
func (i Interface) has(a netip.Addr) bool {
	return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

// reaches reports whether an address is in the subnet of an interface.
func (i Interface) reaches(a netip.Addr) bool {
	return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// own reports whether an address is one of this host.
func (f Facts) own(a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(f.Interfaces, func(i Interface) bool { return i.has(a) })
}
