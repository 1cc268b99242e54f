package vip

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// A question is no claim, and the answer to it is one.
func TestClaimed(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	v4, v6, link := netip.MustParseAddr("198.18.0.100"), netip.MustParseAddr("2001:db8::100"), netip.MustParseAddr("fe80::1")
	for etherType, question := range map[uint16][]byte{unix.ETH_P_ARP: Question(mac, link, v4), unix.ETH_P_IPV6: Question(mac, link, v6)} {
		if address, _, ok := Claimed(etherType, question); ok {
			t.Errorf("a question claims %s", address)
		}
	}
	for etherType, frame := range map[uint16][]byte{
		unix.ETH_P_ARP:  gratuitousARP(arpReply, hwAddr(mac), v4).appendTo(nil),
		unix.ETH_P_IPV6: unsolicitedNA(hwAddr(mac), v6, 0).appendTo(nil),
	} {
		address, by, ok := Claimed(etherType, frame)
		if !ok || by.String() != mac.String() || address != v4 && address != v6 {
			t.Errorf("%s by %s, %v", address, by, ok)
		}
		if _, _, ok := Claimed(etherType, frame[:20]); ok {
			t.Error("half a frame claims something")
		}
	}
}
