package fence

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Ports of the probes.
const (
	closedPort  = 7
	openPort    = 4000
	sayingPort  = 4001
	natPort     = 4002
	forwardPort = 4003
	remotePort  = 4004
	rawPort     = 4005
	clientPort  = 4100
	echoNumber  = 42 // of echo requests
)

func (h *house) ping(name string, addr netip.Addr) probe {
	protocol, data := echo(addr, echoNumber)
	return sees("ping of "+name+" "+addr.String(), func() { h.ask(addr, protocol, data) },
		func(f frame) bool { return f.icmpFrom(addr, echoReply4, echoReply6) })
}

func (h *house) pings() []probe { return []probe{h.ping("the VIP", vip4), h.ping("the VIP", vip6)} }

// resolve asks from an interface of the client which MAC address an IPv4 address has.
func (h *house) resolve(name, from string, asker, addr netip.Addr) probe {
	request := ethernet(everybody, h.mac(from), unix.ETH_P_ARP, arpPacket(arpRequest, h.mac(from), asker, mac{}, addr))
	return sees("ARP for "+name+" on "+from, func() { h.send(from, request) },
		func(f frame) bool { return f.on == from && f.arp == arpReply && f.sender == addr })
}

// solicit asks for an IPv6 address, by multicast or by unicast.
func (h *house) solicit(name string, asker, addr netip.Addr) []probe {
	var probes []probe
	group, groupMAC := solicited(addr)
	for dst, at := range map[netip.Addr]mac{group: groupMAC, addr: h.mac("eth0")} {
		packet := ipPacket(asker, dst, unix.IPPROTO_ICMPV6, neighbor(neighborSolicitation, addr, h.mac("peer0")))
		probes = append(probes, sees("neighbor solicitation for "+name+" to "+dst.String(),
			func() { h.send("peer0", ethernet(at, h.mac("peer0"), unix.ETH_P_IPV6, packet)) },
			func(f frame) bool { return f.about(neighborAdvertisement, addr) && f.dst == asker }))
	}
	return probes
}

// learns asks in the name of a host that the node does not know: a node that hears
// the request takes down who asks.
func (h *house) learns(asker netip.Addr, request []byte) probe {
	return probe{
		name: "request by " + asker.String() + " comes in",
		send: func() {
			_ = h.node.nl.NeighDel(&netlink.Neigh{LinkIndex: h.index("eth0"), IP: asker.AsSlice()}) // it need not be known
			h.send("peer0", request)
		},
		seen: func([]frame) bool { return h.believes(asker) == h.mac("peer0") },
	}
}

func (h *house) resolutions() []probe {
	stranger4, stranger6 := client4.Next(), client6.Next()
	group, groupMAC := solicited(vip6)
	at := h.mac("peer0")
	return append(h.solicit("the VIP", client6, vip6),
		h.learns(stranger4, ethernet(everybody, at, unix.ETH_P_ARP, arpPacket(arpRequest, at, stranger4, mac{}, vip4))),
		h.learns(stranger6, ethernet(groupMAC, at, unix.ETH_P_IPV6,
			ipPacket(stranger6, group, unix.IPPROTO_ICMPV6, neighbor(neighborSolicitation, vip6, at)))),
		h.resolve("the VIP", "peer0", client4, vip4),
		h.resolve("the VIP", "peer1", other4, vip4),
		h.resolve("the VIP from nobody", "peer0", netip.IPv4Unspecified(), vip4))
}

// transports are TCP and UDP without a connection.
func (h *house) transports() []probe {
	return both(vip4, vip6, func(addr netip.Addr) []probe {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: addr.AsSlice(), Port: openPort})
		h.must(err)
		if addr.Is4() {
			h.tcp4 = listener
		} else {
			h.tcp6 = listener
		}
		h.t.Cleanup(func() { listener.Close() })
		saying, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.AsSlice(), Port: sayingPort})
		h.must(err)
		h.t.Cleanup(func() { saying.Close() })
		to := &net.UDPAddr{IP: client6.AsSlice(), Port: closedPort}
		if addr.Is4() {
			to.IP = client4.AsSlice()
		}
		return []probe{
			sees("TCP reset of a closed port "+addr.String(),
				func() { h.ask(addr, unix.IPPROTO_TCP, tcp(clientPort, closedPort, tcpSYN)) },
				func(f frame) bool { return f.tcpFrom(addr, closedPort) && f.data[13]&tcpRST != 0 }),
			sees("TCP answer of an open port "+addr.String(),
				func() { h.ask(addr, unix.IPPROTO_TCP, tcp(clientPort, openPort, tcpSYN)) },
				func(f frame) bool { return f.tcpFrom(addr, openPort) && f.data[13] == tcpSYN|tcpACK }),
			sees("ICMP error of a closed UDP port "+addr.String(),
				func() { h.ask(addr, unix.IPPROTO_UDP, udp(clientPort, closedPort)) },
				func(f frame) bool { return f.icmpFrom(addr, unreachable4, unreachable6) }),
			{
				name: "UDP to a socket on the VIP " + addr.String(),
				send: func() { h.ask(addr, unix.IPPROTO_UDP, udp(clientPort, sayingPort)) },
				seen: func([]frame) bool { return h.receives(saying) },
			},
			sees("UDP socket on the VIP "+addr.String(),
				func() { _, _ = saying.WriteTo([]byte("hello"), to) },
				func(f frame) bool { from, _ := f.ports(unix.IPPROTO_UDP); return f.src == addr && from == sayingPort }),
		}
	})
}

// receives tells whether something has come to a socket.
func (h *house) receives(socket *net.UDPConn) bool {
	h.must(socket.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err := socket.Read(make([]byte, 16))
	return err == nil
}

func (f frame) tcpFrom(addr netip.Addr, port uint16) bool {
	from, _ := f.ports(unix.IPPROTO_TCP)
	return f.src == addr && from == port && len(f.data) >= 20
}

// connections are TCP connections that both ends write to whenever they are tried.
func (h *house) connections() []probe {
	return both(vip4, vip6, func(addr netip.Addr) []probe {
		listener := h.tcp6
		if addr.Is4() {
			listener = h.tcp4
		}
		var here, there net.Conn
		var err error
		h.atClient(func() {
			there, err = net.DialTCP("tcp", nil, &net.TCPAddr{IP: addr.AsSlice(), Port: openPort})
		})
		h.must(err)
		port := uint16(there.LocalAddr().(*net.TCPAddr).Port)
		for here == nil || here.RemoteAddr().(*net.TCPAddr).Port != int(port) {
			here, err = listener.AcceptTCP()
			h.must(err)
			h.t.Cleanup(func() { here.Close() })
		}
		h.t.Cleanup(func() { there.Close() })
		return []probe{sees("established TCP connection with "+addr.String(),
			func() {
				for _, end := range []net.Conn{here, there} {
					h.must(end.SetWriteDeadline(time.Now().Add(time.Second)))
					_, err := end.Write([]byte("still here?"))
					h.must(err)
				}
			},
			func(f frame) bool {
				_, to := f.ports(unix.IPPROTO_TCP)
				return f.tcpFrom(addr, openPort) && to == port
			})}
	})
}

// announcements are perch's own, by packet socket.
func (h *house) announcements() []probe {
	announce := func(from string, vip4, vip6 netip.Addr) []probe {
		at := h.mac(from)
		request := ethernet(everybody, at, unix.ETH_P_ARP, arpPacket(arpRequest, at, vip4, mac{}, vip4))
		reply := ethernet(everybody, at, unix.ETH_P_ARP, arpPacket(arpReply, at, vip4, at, vip4))
		all := netip.MustParseAddr("ff02::1")
		na := func(source netip.Addr) []byte {
			return ethernet(mac{0x33, 0x33, 0, 0, 0, 1}, at, unix.ETH_P_IPV6,
				ipPacket(source, all, unix.IPPROTO_ICMPV6, neighbor(neighborAdvertisement, vip6, at)))
		}
		gratuitous := func(op uint16) func(frame) bool {
			return func(f frame) bool { return f.arp == op && f.sender == vip4 && f.target == vip4 }
		}
		advertised := func(source netip.Addr) func(frame) bool {
			return func(f frame) bool { return f.about(neighborAdvertisement, vip6) && f.src == source && f.dst == all }
		}
		packet := ethernet(h.mac("peer0"), at, unix.ETH_P_IP, ipPacket(vip4, client4, unix.IPPROTO_UDP, udp(rawPort, closedPort)))
		packet6 := ethernet(h.mac("peer0"), at, unix.ETH_P_IPV6, ipPacket(vip6, client6, unix.IPPROTO_UDP, udp(rawPort, closedPort)))
		group, groupMAC := solicited(vip6)
		detection := ethernet(groupMAC, at, unix.ETH_P_IPV6,
			ipPacket(netip.IPv6Unspecified(), group, unix.IPPROTO_ICMPV6, neighbor(neighborSolicitation, vip6, at)[:24]))
		return []probe{
			sees("IPv4 packet by packet socket from "+from, func() { h.send(from, packet) },
				func(f frame) bool { from, _ := f.ports(unix.IPPROTO_UDP); return f.src == vip4 && from == rawPort }),
			sees("IPv6 packet by packet socket from "+from, func() { h.send(from, packet6) },
				func(f frame) bool { from, _ := f.ports(unix.IPPROTO_UDP); return f.src == vip6 && from == rawPort }),
			sees("duplicate address detection by packet socket from "+from, func() { h.send(from, detection) },
				func(f frame) bool { return f.about(neighborSolicitation, vip6) && f.src == netip.IPv6Unspecified() }),
			sees("gratuitous ARP request from "+from, func() { h.send(from, request) }, gratuitous(arpRequest)),
			sees("gratuitous ARP reply from "+from, func() { h.send(from, reply) }, gratuitous(arpReply)),
			sees("unsolicited advertisement from "+from, func() { h.send(from, na(vip6)) }, advertised(vip6)),
			sees("unsolicited advertisement by the node from "+from, func() { h.send(from, na(node6)) }, advertised(node6)),
		}
	}
	return append(announce("eth0", vip4, vip6), announce("macvlan0", stacked4, stacked6)...)
}

// raw sends an IPv6 packet with its header through the kernel's stack.
func (h *house) raw(to netip.Addr, packet []byte) {
	h.t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	h.must(err)
	defer unix.Close(fd)
	// A fence may refuse it.
	_ = unix.Sendto(fd, packet, 0, &unix.SockaddrInet6{Addr: to.As16(), ZoneId: uint32(h.index("eth0"))})
}

// assertions are what the kernel says of a VIP from another address than the VIP.
func (h *house) assertions() []probe {
	group, _ := solicited(vip6)
	advertisement := ipPacket(node6, client6, unix.IPPROTO_ICMPV6, neighbor(neighborAdvertisement, vip6, h.mac("eth0")))
	detection := ipPacket(netip.IPv6Unspecified(), group, unix.IPPROTO_ICMPV6, neighbor(neighborSolicitation, vip6, h.mac("eth0"))[:24])
	return []probe{
		sees("neighbor advertisement by the node", func() { h.raw(client6, advertisement) },
			func(f frame) bool { return f.about(neighborAdvertisement, vip6) && f.src == node6 && f.dst == client6 }),
		sees("duplicate address detection", func() { h.raw(group, detection) },
			func(f frame) bool { return f.about(neighborSolicitation, vip6) && f.src == netip.IPv6Unspecified() }),
	}
}

// notifications are those of the kernel when an interface comes up or gets another
// MAC address.
func (h *house) notifications() []probe {
	at := mac{2, 0, 0, 0, 9, 0}
	bounce := func() {
		h.must(h.node.nl.LinkSetDown(h.link("eth2")))
		h.must(h.node.nl.LinkSetUp(h.link("eth2")))
	}
	change := func() {
		at[5]++
		h.must(h.node.nl.LinkSetHardwareAddr(h.link("eth2"), at[:]))
	}
	return []probe{
		sees("notification of the kernel by ARP", bounce, func(f frame) bool { return f.arp != 0 && f.sender == bounced4 }),
		sees("notification of the kernel by neighbor advertisement", change,
			func(f frame) bool { return f.about(neighborAdvertisement, bounced6) }),
	}
}

// forwarded sends a UDP packet to the client through the node.
func (h *house) forwarded(from, to netip.Addr, port uint16) {
	h.t.Helper()
	kind := uint16(unix.ETH_P_IPV6)
	if from.Is4() {
		kind = unix.ETH_P_IP
	}
	h.send("peer1", ethernet(h.mac("eth1"), h.mac("peer1"), kind, ipPacket(from, to, unix.IPPROTO_UDP, udp(clientPort, port))))
}

// translations are packets of others that get the VIP as their source.
func (h *house) translations() []probe {
	h.nft(fmt.Sprintf(`
table ip nat {
	chain postrouting { type nat hook postrouting priority srcnat; udp dport %[1]d snat to %[2]s; }
}
table ip6 nat {
	chain postrouting { type nat hook postrouting priority srcnat; udp dport %[1]d snat to %[3]s; }
}`, natPort, vip4, vip6))
	translated := func(addr netip.Addr) func(frame) bool {
		return func(f frame) bool {
			_, to := f.ports(unix.IPPROTO_UDP)
			return f.on == "peer0" && f.src == addr && to == natPort
		}
	}
	return []probe{
		sees("source NAT to the VIP, IPv4", func() { h.forwarded(other4, client4, natPort) }, translated(vip4)),
		sees("source NAT to the VIP, IPv6", func() { h.forwarded(other6, client6, natPort) }, translated(vip6)),
	}
}

// ranges are VIPs that are local routes.
func (h *house) ranges() []probe {
	in4, in6 := range4.Addr().Next(), range6.Addr().Next()
	return []probe{h.ping("a range", in4), h.ping("a range", in6), h.resolve("a range", "peer0", client4, in4)}
}

// stacked are VIPs on a macvlan.
func (h *house) stacked() []probe {
	probes := append(h.solicit("a VIP on a macvlan", client6, stacked6), h.resolve("a VIP on a macvlan", "peer0", client4, stacked4))
	for _, addr := range []netip.Addr{stacked4, stacked6} {
		protocol, data := echo(addr, echoNumber)
		from, kind := client6, uint16(unix.ETH_P_IPV6)
		if addr.Is4() {
			from, kind = client4, unix.ETH_P_IP
		}
		probes = append(probes, sees("ping of a macvlan "+addr.String(),
			func() {
				h.send("peer0", ethernet(h.mac("macvlan0"), h.mac("peer0"), kind, ipPacket(from, addr, protocol, data)))
			},
			func(f frame) bool { return f.icmpFrom(addr, echoReply4, echoReply6) }))
	}
	return probes
}
