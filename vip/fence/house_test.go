package fence

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// house is a network with all that the leak tests need: VIPs on the node in every
// way that perch or an operator may hold them, and VIPs held by the client.
//
//	eth0 peer0  198.18.0.0/24  2001:db8::/64    the VIPs' network
//	eth1 peer1  198.18.2.0/24  2001:db8:2::/64  another, to show the weak host model
//	eth2 peer2  198.18.3.0/24  2001:db8:3::/64  one that goes down and up
type house struct {
	*network
	tcp4, tcp6 *net.TCPListener // on the VIPs
}

var (
	node4   = netip.MustParseAddr("198.18.0.1")
	node6   = netip.MustParseAddr("2001:db8::1")
	client4 = netip.MustParseAddr("198.18.0.2")
	client6 = netip.MustParseAddr("2001:db8::2")
	other4  = netip.MustParseAddr("198.18.2.2") // the client on eth1
	other6  = netip.MustParseAddr("2001:db8:2::2")

	vip4 = netip.MustParseAddr("198.18.0.100")
	vip6 = netip.MustParseAddr("2001:db8::100")
	// bounced VIPs are on eth2.
	bounced4 = netip.MustParseAddr("198.18.3.100")
	bounced6 = netip.MustParseAddr("2001:db8:3::100")
	// stacked VIPs are on a macvlan of eth0.
	stacked4 = netip.MustParseAddr("198.18.0.102")
	stacked6 = netip.MustParseAddr("2001:db8::102")
	// ranges are local routes.
	range4 = netip.MustParsePrefix("198.18.1.0/24")
	range6 = netip.MustParsePrefix("2001:db8:1::/64")
	// remote VIPs are held by the client.
	remote4 = netip.MustParseAddr("198.18.0.200")
	remote6 = netip.MustParseAddr("2001:db8::200")
	// moving VIPs are announced by another host.
	moving4 = netip.MustParseAddr("198.18.0.201")
	moving6 = netip.MustParseAddr("2001:db8::201")
)

func newHouse(t testing.TB) *house {
	h := &house{network: newNetwork(t)}
	for i := range 3 {
		eth, peer := fmt.Sprint("eth", i), fmt.Sprint("peer", i)
		h.wire(eth, peer)
		net4, net6 := [...]int{0, 2, 3}[i], [...]string{"", "2:", "3:"}[i]
		h.address(eth, fmt.Sprintf("198.18.%d.1/24", net4))
		h.address(eth, fmt.Sprintf("2001:db8:%s:1/64", net6))
		h.address(peer, fmt.Sprintf("198.18.%d.2/24", net4))
		h.address(peer, fmt.Sprintf("2001:db8:%s:2/64", net6))
		// So that no probe needs another packet than its own to pass.
		h.knows(h.node.nl, eth, netip.MustParseAddr(fmt.Sprintf("198.18.%d.2", net4)), h.mac(peer), netlink.NUD_PERMANENT)
		h.knows(h.node.nl, eth, netip.MustParseAddr(fmt.Sprintf("2001:db8:%s:2", net6)), h.mac(peer), netlink.NUD_PERMANENT)
	}
	for _, name := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/eth2/arp_notify", "ipv6/conf/eth2/ndisc_notify", "ipv6/conf/eth2/keep_addr_on_down"} {
		h.sysctl(name, "1")
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "macvlan0", h.index("eth0")
	h.must(h.node.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	h.must(h.node.nl.LinkSetUp(h.link("macvlan0")))
	h.listen("macvlan0", h.link("macvlan0"))
	return h
}

// protected are all VIPs.
func (h *house) protected() []netip.Prefix {
	list := []netip.Prefix{range4, range6}
	for _, a := range []netip.Addr{vip4, vip6, bounced4, bounced6, stacked4, stacked6, remote4, remote6, moving4, moving4.Next(), moving6} {
		list = append(list, netip.PrefixFrom(a, a.BitLen()))
	}
	return list
}

// addVIPs adds the VIPs to the node and to the client.
func (h *house) addVIPs() {
	h.t.Helper()
	for name, addrs := range map[string][]string{
		"eth0":     {"198.18.0.100/24", "2001:db8::100/64"},
		"eth2":     {"198.18.3.100/24", "2001:db8:3::100/64"},
		"macvlan0": {"198.18.0.102/32", "2001:db8::102/128"},
		"peer0":    {"198.18.0.200/24", "2001:db8::200/64"},
	} {
		for _, a := range addrs {
			h.address(name, a)
		}
	}
	for _, p := range []netip.Prefix{range4, range6} {
		dst := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		h.must(h.node.nl.RouteAdd(&netlink.Route{
			LinkIndex: h.index("lo"), Dst: dst, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST,
		}))
	}
	for _, a := range []netip.Addr{vip4, vip6} {
		h.knows(h.client.nl, "peer0", a, h.mac("eth0"), netlink.NUD_PERMANENT)
	}
}

// ask sends an IP packet from the client to an address of the node behind eth0.
func (h *house) ask(to netip.Addr, protocol byte, data []byte) {
	h.t.Helper()
	from, kind := client6, uint16(unix.ETH_P_IPV6)
	if to.Is4() {
		from, kind = client4, unix.ETH_P_IP
	}
	h.send("peer0", ethernet(h.mac("eth0"), h.mac("peer0"), kind, ipPacket(from, to, protocol, data)))
}
