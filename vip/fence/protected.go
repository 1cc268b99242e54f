package fence

import (
	"fmt"
	"net"
	"net/netip"
)

// VIP is a VIP of a Lease.
type VIP struct {
	Prefix netip.Prefix // masked
	// Interface is the index of the one whose packets are meant, where the VIP is a
	// single link-local address: others may have the same. That is the parent, if the
	// address is on a macvlan. 0 means all interfaces, as for any other VIP.
	Interface int
}

func (v VIP) String() string {
	if v.Interface == 0 {
		return v.Prefix.String()
	}
	return fmt.Sprintf("%s of interface %d", v.Prefix, v.Interface)
}

// everywhere is VIPs at all interfaces.
func everywhere(prefixes []netip.Prefix) []VIP {
	vips := make([]VIP, len(prefixes))
	for i, p := range prefixes {
		vips[i].Prefix = p
	}
	return vips
}

// MAC is a virtual router's MAC address: 00:00:5e:00:01:XX, or 02 for IPv6, or another.
// It must not be that of an interface, which would be silent, too.
type MAC struct {
	Address   [6]byte
	Interface int // index of the one by which its frames leave: the parent of the macvlan
}

func (m MAC) String() string {
	return fmt.Sprintf("%s of interface %d", net.HardwareAddr(m.Address[:]), m.Interface)
}

// setOfVIPs refuses what would fence something else than was meant: the subnet in which
// a VIP lives, above all.
func setOfVIPs(vips []VIP) (map[VIP]bool, error) {
	set := make(map[VIP]bool, len(vips))
	for _, v := range vips {
		p := v.Prefix
		switch {
		case !p.IsValid() || p.Addr().Is4In6() || p.Addr().Zone() != "":
			return nil, fmt.Errorf("VIP %s: not an IPv4 or IPv6 prefix", p)
		case p != p.Masked():
			return nil, fmt.Errorf("VIP %s: host bits are set; one address is %s", p, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
		case !isScoped(p):
			v.Interface = 0
		}
		set[v] = true
	}
	return set, nil
}

// setOfMACs refuses what no frame is from, and what is no interface.
func setOfMACs(macs []MAC) (map[MAC]bool, error) {
	set := make(map[MAC]bool, len(macs))
	for _, m := range macs {
		if m.Address[0]&1 != 0 || m.Address == [6]byte{} {
			return nil, fmt.Errorf("virtual MAC %s: not that of one station", m)
		}
		if m.Interface <= 0 {
			return nil, fmt.Errorf("virtual MAC %s: no interface", m)
		}
		set[m] = true
	}
	return set, nil
}
