package fence

import (
	"net"
	"net/netip"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bystanders are none of the fence's business.
func (h *house) bystanders() []probe {
	through := func(from netip.Addr) func(frame) bool {
		return func(f frame) bool {
			_, to := f.ports(unix.IPPROTO_UDP)
			return f.on == "peer0" && f.src == from && to == forwardPort
		}
	}
	probes := []probe{
		h.ping("the node", node4), h.ping("the node", node6), h.resolve("the node", "peer0", client4, node4),
		sees("forwarding, IPv4", func() { h.forwarded(other4, client4, forwardPort) }, through(other4)),
		sees("forwarding, IPv6", func() { h.forwarded(other6, client6, forwardPort) }, through(other6)),
	}
	return passing(append(probes, h.solicit("the node", client6, node6)...)...)
}

// standby is what a node needs whose peer holds the VIP: to be its client, and to
// hear who has it.
func (h *house) standby() []probe {
	probes := both(remote4, remote6, h.client4or6)
	probes = append(probes, h.hears("gratuitous ARP request", moving4, func(at mac) []byte {
		return ethernet(everybody, at, unix.ETH_P_ARP, arpPacket(arpRequest, at, moving4, mac{}, moving4))
	}), h.hears("gratuitous ARP reply", moving4.Next(), func(at mac) []byte {
		return ethernet(everybody, at, unix.ETH_P_ARP, arpPacket(arpReply, at, moving4.Next(), at, moving4.Next()))
	}), h.hears("unsolicited neighbor advertisement", moving6, func(at mac) []byte {
		return ethernet(mac{0x33, 0x33, 0, 0, 0, 1}, at, unix.ETH_P_IPV6,
			ipPacket(moving6, netip.MustParseAddr("ff02::1"), unix.IPPROTO_ICMPV6, neighbor(neighborAdvertisement, moving6, at)))
	}))
	return passing(probes...)
}

// client4or6 asks a VIP of the client for an answer by UDP, having forgotten where
// it is.
func (h *house) client4or6(addr netip.Addr) []probe {
	own, broadcast := node6, func(f frame) bool { return f.about(neighborSolicitation, addr) }
	if addr.Is4() {
		own, broadcast = node4, func(f frame) bool { return f.arp == arpRequest && f.target == addr && f.sender == node4 }
	}
	var server *net.UDPConn
	var err error
	h.atClient(func() { server, err = net.ListenUDP("udp", &net.UDPAddr{IP: addr.AsSlice(), Port: remotePort}) })
	h.must(err)
	socket, err := net.DialUDP("udp", &net.UDPAddr{IP: own.AsSlice()}, &net.UDPAddr{IP: addr.AsSlice(), Port: remotePort})
	h.must(err)
	var serving sync.WaitGroup
	serving.Go(func() { answerAll(server) })
	h.t.Cleanup(func() { server.Close(); socket.Close(); serving.Wait() })
	ask := func() {
		neigh := &netlink.Neigh{LinkIndex: h.index("eth0"), IP: addr.AsSlice()}
		_ = h.node.nl.NeighDel(neigh) // it need not be known
		_, err := socket.Write([]byte("hello"))
		h.must(err)
	}
	answered := func([]frame) bool { return h.receives(socket) }
	return []probe{
		sees("the node asks for "+addr.String(), ask, broadcast),
		{name: "the node is answered by " + addr.String(), send: func() {}, seen: answered},
	}
}

// answerAll answers packets until the socket is closed.
func answerAll(server *net.UDPConn) {
	b := make([]byte, 64)
	for {
		size, from, err := server.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		_, _ = server.WriteToUDPAddrPort(b[:size], from)
	}
}

// hears has another host announce a VIP that the node believes elsewhere.
func (h *house) hears(name string, addr netip.Addr, announcement func(mac) []byte) probe {
	before, after := mac{2, 0, 0, 0, 1, 0}, mac{2, 0, 0, 0, 2, 0}
	return probe{
		name: "the node hears a " + name,
		send: func() {
			h.knows(h.node.nl, "eth0", addr, before, netlink.NUD_STALE)
			h.send("peer0", announcement(after))
		},
		seen: func([]frame) bool { return h.believes(addr) == after },
	}
}
