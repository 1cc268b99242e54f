//go:build ipvs

package balance

import (
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// family is a version of IP.
type family int

const (
	ipv4 family = iota
	ipv6
)

var families = []family{ipv4, ipv6}

func (f family) String() string { return [...]string{"ipv4", "ipv6"}[f] }

// mode is a way to forward, with a VIP of its own in each family.
type mode struct {
	name string
	flag string        // of ipvsadm
	vips [2]netip.Addr // by family
}

// The modes. The servers have the VIP of dr on lo and that of tunnel on their tunnels;
// that of nat they do not have.
var (
	nat    = mode{"nat", "-m", vipsOf("198.18.0.101", "2001:db8::101")}
	dr     = mode{"dr", "-g", vipsOf("198.18.0.102", "2001:db8::102")}
	tunnel = mode{"tunnel", "-i", vipsOf("198.18.0.103", "2001:db8::103")}

	modes = []mode{nat, dr, tunnel}
)

func vipsOf(v4, v6 string) [2]netip.Addr {
	return [2]netip.Addr{netip.MustParseAddr(v4), netip.MustParseAddr(v6)}
}

// service is the address of a mode's web service.
func (m mode) service(f family) netip.AddrPort {
	return netip.AddrPortFrom(m.vips[f], lab.HTTPPort)
}

// realServer is the address by which a mode's service has the server.
func (m mode) realServer(w *web, f family) netip.AddrPort {
	addr := addressOf(w.Host, f)
	if m == nat {
		addr = insideOf(w.Host, f).Addr()
	}
	return netip.AddrPortFrom(addr, lab.HTTPPort)
}

// configured is the VIPs of modes, and the addresses inside, as a config of perch has them.
func configured(of ...mode) (vips []netip.Prefix) {
	for _, f := range families {
		bits := [...]int{24, 64}[f]
		vips = append(vips, netip.PrefixFrom(inside[f], bits))
		for _, m := range of {
			vips = append(vips, netip.PrefixFrom(m.vips[f], bits))
		}
	}
	return vips
}

// inside are the addresses of the servers' default gateway, for what has an inside
// address as its source. Who holds the VIP of nat holds these too.
var inside = vipsOf("10.0.0.100", "2001:db8:1::100")

// addressOf is the address that the lab gives to a host.
func addressOf(h *lab.Host, f family) netip.Addr {
	return [...]netip.Addr{h.Eth0.IPv4.Addr(), h.Eth0.IPv6.Addr()}[f]
}

// insideOf is a further address of directors and servers. Clients have none, and so a
// server's answers from there need a router.
func insideOf(h *lab.Host, f family) netip.Prefix {
	outside := addressOf(h, f).AsSlice()
	number := outside[len(outside)-1]
	if f == ipv4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, number}), 24)
	}
	net := inside[ipv6].As16()
	net[14], net[15] = 0, number
	return netip.PrefixFrom(netip.AddrFrom16(net), 64)
}
