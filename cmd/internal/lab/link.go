package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link is the cable between an interface of a host and a port of a switch.
type Link struct {
	Interface string // of the host: eth0, eth1, ...
	IPv4      netip.Prefix
	IPv6      netip.Prefix
	MAC       net.HardwareAddr

	host *Host
	sw   *Switch
	port string // its name on the switch
}

// Join gives the host one more interface, on the switch.
func (h *Host) Join(sw *Switch) (*Link, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	number := len(h.links)
	link := &Link{
		Interface: fmt.Sprintf("eth%d", number),
		IPv4:      netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(sw.number), byte(h.number)}), 24),
		IPv6:      netip.PrefixFrom(ipv6Of(sw.number, h.number), 64),
		MAC:       net.HardwareAddr{0x02, 0, 0, byte(number), byte(sw.number), byte(h.number)},
		host:      h,
		sw:        sw,
		port:      fmt.Sprintf("h%de%d", h.number, number),
	}
	if err := link.plug(); err != nil {
		return nil, fmt.Errorf("join %s to a switch: %w", h.Name, err)
	}
	h.links = append(h.links, link)
	return link, nil
}

// Port is the name of the cable's other end, in the namespace of the switch.
func (l *Link) Port() string { return l.port }

// ipv6Of returns 2001:db8:0:K::N with N in decimal digits, so that it reads
// like the IPv4 address.
func ipv6Of(k, n int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%d::%d", k, n))
}

// plug makes the cable and gives the host's end its addresses.
func (l *Link) plug() error {
	return l.host.ns.use(func(host *netlink.Handle) error {
		if err := l.sw.ns.use(l.connect); err != nil {
			return err
		}
		return l.configure(host)
	})
}

// connect makes the cable from the switch, whose handle it gets.
func (l *Link) connect(nl *netlink.Handle) error {
	pair := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: l.port},
		PeerName:         l.Interface,
		PeerHardwareAddr: l.MAC,
		PeerNamespace:    netlink.NsFd(l.host.ns.fd), // which plug keeps open
	}
	if err := nl.LinkAdd(pair); err != nil {
		return missing("a veth pair", err)
	}
	port, err := l.portOn(nl)
	if err != nil {
		return err
	}
	if err := nl.LinkSetMaster(port, l.sw.bridge); err != nil {
		return fmt.Errorf("put port %s on the bridge: %w", l.port, err)
	}
	if err := nl.LinkSetUp(port); err != nil {
		return fmt.Errorf("set port %s up: %w", l.port, err)
	}
	return nil
}

func (l *Link) configure(nl *netlink.Handle) error {
	eth, err := nl.LinkByName(l.Interface)
	if err != nil {
		return fmt.Errorf("find %s of %s: %w", l.Interface, l.host.Name, err)
	}
	if err := nl.LinkSetUp(eth); err != nil {
		return fmt.Errorf("set %s of %s up: %w", l.Interface, l.host.Name, err)
	}
	if err := nl.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(l.IPv4)}); err != nil {
		return fmt.Errorf("add %s to %s of %s: %w", l.IPv4, l.Interface, l.host.Name, err)
	}
	if err := nl.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(l.IPv6), Flags: unix.IFA_F_NODAD}); err != nil {
		return missing("an IPv6 address", err)
	}
	return nil
}

func (l *Link) portOn(nl *netlink.Handle) (netlink.Link, error) {
	port, err := nl.LinkByName(l.port)
	if err != nil {
		return nil, fmt.Errorf("find port %s of the switch: %w", l.port, err)
	}
	return port, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// withPort runs fn on the switch's end of the cable.
func (l *Link) withPort(doing string, fn func(*netlink.Handle, netlink.Link) error) error {
	err := l.sw.ns.use(func(nl *netlink.Handle) error {
		port, err := l.portOn(nl)
		if err != nil {
			return err
		}
		return fn(nl, port)
	})
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", doing, l.Interface, l.host.Name, err)
	}
	return nil
}
