package e2e

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// virtual is a virtual router as one node is to run it, in whatever implementation.
type virtual struct {
	Name         string
	Interface    string
	VRID         uint8
	Version      uint8
	Priority     uint8
	Interval     time.Duration
	Addresses    []netip.Prefix // all of one family
	Family       string         // "ipv4" or "ipv6" where there are none
	NoPreempt    bool
	PreemptDelay time.Duration
	VirtualMAC   bool
	PlainAdverts bool       // come from the interface's own MAC, also with a virtual one
	Group        netip.Addr // not valid for the usual one
	Auth         string     // "pass", "ah", "hmac", or none
	Secret       string
	Unicast      bool // to all other nodes of the segment, by themselves
}

// The addresses that virtual routers keep.
var (
	gateway4 = prefixes("198.18.0.100/24")
	gateway6 = prefixes("2001:db8::100/64")
	many4    = prefixes("198.18.0.103/24", "198.18.0.101/24", "198.18.0.102/24")
	reverse4 = prefixes("198.18.0.102/24", "198.18.0.101/24", "198.18.0.103/24")
)

// tooMany6 are two more than an advert has room for.
func tooMany6() []netip.Prefix {
	var list []netip.Prefix
	for host := range roomFor6 + 2 {
		list = append(list, netip.MustParsePrefix(fmt.Sprintf("2001:db8::%x/64", 0x100+host)))
	}
	return list
}

// roomFor6 is how many IPv6 addresses keepalived puts into an advert of 1,500 bytes.
const roomFor6 = 89

func prefixes(list ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, p := range list {
		parsed = append(parsed, netip.MustParsePrefix(p))
	}
	return parsed
}

// form changes the virtual router of a case from the usual one: version 3, an advert
// every 100 ms, one IPv4 address, by multicast, without authentication.
type form func(*virtual)

func newVirtual(priority uint8, forms ...form) virtual {
	v := virtual{
		Name: "gw", Interface: "eth0", VRID: 51, Version: 3, Priority: priority,
		Interval: 100 * time.Millisecond, Addresses: gateway4,
	}
	for _, f := range forms {
		f(&v)
	}
	return v
}

// version2 has whole seconds only.
func version2(v *virtual)   { v.Version, v.Interval = 2, time.Second }
func version3(v *virtual)   { v.Version = 3 }
func ipv6(v *virtual)       { v.Addresses = gateway6 }
func noPreempt(v *virtual)  { v.NoPreempt = true }
func virtualMAC(v *virtual) { v.VirtualMAC = true }
func unicast(v *virtual)    { v.Unicast = true }

func plainAdverts(v *virtual) { v.VirtualMAC, v.PlainAdverts = true, true }

func group(address string) form {
	return func(v *virtual) { v.Group = netip.MustParseAddr(address) }
}

func every(interval time.Duration) form { return func(v *virtual) { v.Interval = interval } }

func keeping(addresses []netip.Prefix) form {
	return func(v *virtual) { v.Addresses = addresses }
}

func auth(kind, secret string) form {
	return func(v *virtual) { v.Auth, v.Secret = kind, secret }
}

func preemptDelay(delay time.Duration) form {
	return func(v *virtual) { v.PreemptDelay = delay }
}

// holdingNothing has no addresses.
func holdingNothing(family string) form {
	return func(v *virtual) { v.Addresses, v.Family = nil, family }
}

func (v virtual) isIPv6() bool {
	if len(v.Addresses) == 0 {
		return v.Family == "ipv6"
	}
	return v.Addresses[0].Addr().Is6()
}

// addressLen is how long one of its addresses is in an advert.
func (v virtual) addressLen() int {
	if v.isIPv6() {
		return 16
	}
	return 4
}

// setup is what a daemon on one node is to do.
type setup struct {
	host   *lab.Host
	dir    string
	vs     []virtual
	peers  []*lab.Host // the other nodes
	synced bool        // all routers of vs are one sync group
}

// unicastAddress is the address at which the host takes adverts sent to it alone.
func (v virtual) unicastAddress(h *lab.Host) netip.Addr {
	if v.isIPv6() {
		return h.Eth0.IPv6.Addr()
	}
	return h.Eth0.IPv4.Addr()
}

// implementation is a program that runs virtual routers.
type implementation struct {
	name    string
	prepare func(t *testing.T, s setup) *lab.Daemon
	standby string // what its log says when it listens as a backup
	// isBackup reads in its log what its addresses say only a moment later; nil if they do
	// at once.
	isBackup func(log string) bool
	// kernelHops: adverts to single IPv6 peers have the kernel's hop limit, not 255.
	kernelHops bool
	// fickle: it may leave addresses behind although it was stopped in good order, and
	// stay mute although it is the master.
	fickle bool
	// alwaysVirtualMAC: it knows no other.
	alwaysVirtualMAC bool
	// fenced: however it dies or stalls, its host stops to answer before another does.
	fenced bool
}
