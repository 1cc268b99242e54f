package bgp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// placeholder keeps routes to networks in the kernel whose addresses are about to go, so
// that bgpd goes on announcing them for a moment. It is a tun device that nobody reads: what
// comes in for the networks meanwhile is lost. The device is gone when the process is, and
// its addresses, whose peers the networks are, when their lifetime is over, also if the
// process is frozen. Of the IPv6 ones zebra 8.4 only hears when the device goes.
type placeholder struct{ tun int }

// placeholderName is how the kernel makes the name of the device.
const placeholderName = "perch-bgp%d"

// The addresses of the device itself. Nobody sees them: 192.0.0.8 is the dummy address of
// RFC 7600, and 100::/64 leads nowhere (RFC 6666).
var (
	placeholder4 = netip.MustParseAddr("192.0.0.8")
	placeholder6 = netip.MustParseAddr("100::1")
)

// newPlaceholder makes one for networks. It is there for no longer than life, in whole
// seconds, and 1.1 s.
func newPlaceholder(list []netip.Prefix, life time.Duration) (closer, error) {
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	p := &placeholder{tun}
	if err := p.fill(list, life); err != nil {
		return nil, errors.Join(fmt.Errorf("make a placeholder: %w", err), p.Close())
	}
	return p, nil
}

// Close removes the device, and with it the routes.
func (p *placeholder) Close() error { return unix.Close(p.tun) }

func (p *placeholder) fill(list []netip.Prefix, life time.Duration) error {
	request, err := unix.NewIfreq(placeholderName)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(p.tun, unix.TUNSETIFF, request); err != nil {
		return fmt.Errorf("add a tun device: %w", err)
	}
	link, err := netlink.LinkByName(request.Name())
	if err != nil {
		return fmt.Errorf("look up %s: %w", request.Name(), err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", request.Name(), err)
	}
	own := placeholder6
	for _, network := range list {
		local := placeholder4
		if network.Addr().Is6() {
			local, own = own, own.Next() // IPv6 has each address once
		}
		a := lasting(local, network, life)
		// An address that is never refreshed does not reliably end with its lifetime.
		if err := errors.Join(netlink.AddrReplace(link, a), netlink.AddrReplace(link, a)); err != nil {
			return fmt.Errorf("add a route to %s: %w", network, err)
		}
	}
	return nil
}

// lasting is an address with a network as its peer.
func lasting(local netip.Addr, network netip.Prefix, life time.Duration) *netlink.Addr {
	seconds := int(life / time.Second)
	a := &netlink.Addr{
		IPNet:    ipNet(netip.PrefixFrom(local, local.BitLen())),
		Peer:     ipNet(network),
		Scope:    unix.RT_SCOPE_LINK, // no source of packets for elsewhere
		ValidLft: seconds, PreferedLft: seconds,
	}
	if local.Is6() {
		a.Flags, a.PreferedLft = unix.IFA_F_NODAD, 0
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
