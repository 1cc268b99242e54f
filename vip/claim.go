package vip

import (
	"net"
	"net/netip"
)

// Claimed reads from a frame of a type (ETH_P_ARP or ETH_P_IPV6) which address its sender
// says to have, and with which MAC. It is false for a frame that says nothing of the kind,
// such as a question without a sender.
func Claimed(etherType uint16, frame []byte) (address netip.Addr, mac net.HardwareAddr, ok bool) {
	a, err := readAssertion(etherType, frame)
	if err != nil {
		return netip.Addr{}, nil, false
	}
	return a.addr, net.HardwareAddr(a.mac[:]), true
}

// Question returns the frame that asks who has an address, and from which nobody learns
// anything of the asker. From is a link-local address of its, for IPv6.
func Question(mac net.HardwareAddr, from, address netip.Addr) []byte {
	var own hwAddr
	copy(own[:], mac)
	if address.Is4() {
		return arpProbe(own, address).appendTo(nil)
	}
	return neighborQuestion(own, from, address).appendTo(nil)
}
