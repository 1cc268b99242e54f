package vip

import (
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNotices says which notification asks for a look at the kernel, and which
// interface has moved by it.
func TestNotices(t *testing.T) {
	at := func(prefix string, flags uint32) []byte {
		return appendDump(nil, address{index: 2, prefix: netip.MustParsePrefix(prefix), flags: flags})
	}
	elsewhere := appendDump(nil, address{index: 9, prefix: netip.MustParsePrefix("198.18.0.100/24")})
	eth0 := ethernetLink(2, "eth0")
	like := func(change func(*link)) []byte {
		l := eth0
		change(&l)
		return appendLink(nil, l)
	}
	event := func(kind uint32) []byte { return appendUint32(appendLink(nil, eth0), unix.IFLA_EVENT, kind) }
	ofFamily := func(family byte, b []byte) []byte {
		b = slices.Clone(b)
		b[0] = family
		return b
	}
	netconf := func(index byte) []byte { return []byte{unix.AF_INET6, 0, 0, 0, 8, 0, 1, 0, index, 0, 0, 0} }
	tests := []struct {
		name  string
		kind  uint16
		data  []byte
		asks  bool
		moved []int
	}{
		{"a wanted VIP comes", unix.RTM_NEWADDR, at("198.18.0.100/24", 0), false, nil},
		{"a wanted VIP goes", unix.RTM_DELADDR, at("198.18.0.100/24", 0), true, nil},
		{"a wanted VIP goes, with another length", unix.RTM_DELADDR, at("198.18.0.100/32", 0), true, nil},
		{"an unwanted VIP comes", unix.RTM_NEWADDR, at("198.18.0.101/24", 0), true, nil},
		{"an unwanted VIP goes", unix.RTM_DELADDR, at("198.18.0.101/24", 0), false, nil},
		{"a wanted IPv6 VIP is refreshed", unix.RTM_NEWADDR, at("2001:db8::100/64", unix.IFA_F_NODAD|unix.IFA_F_DEPRECATED), false, nil},
		{"a wanted IPv6 VIP is preferred", unix.RTM_NEWADDR, at("2001:db8::100/64", unix.IFA_F_NODAD), true, nil},
		{"another address comes", unix.RTM_NEWADDR, at("198.18.0.1/24", 0), false, nil},
		{"another address comes second", unix.RTM_NEWADDR, at("198.18.0.1/24", unix.IFA_F_SECONDARY), true, nil},
		{"a temporary IPv6 address, which has the same bit", unix.RTM_NEWADDR, at("2001:db8::1/64", unix.IFA_F_TEMPORARY), false, nil},
		{"another address goes", unix.RTM_DELADDR, at("198.18.0.1/24", 0), true, nil},
		{"a VIP's address on an interface without VIPs", unix.RTM_DELADDR, elsewhere, false, nil},
		{"an address that cannot be read", unix.RTM_NEWADDR, []byte{2}, true, nil},
		{"nothing new", unix.RTM_NEWLINK, like(func(*link) {}), false, nil},
		{"down", unix.RTM_NEWLINK, like(func(l *link) { l.up, l.running = false, false }), true, []int{2}},
		{"no carrier", unix.RTM_NEWLINK, like(func(l *link) { l.running = false }), true, []int{2}},
		{"carrier came and went", unix.RTM_NEWLINK, like(func(l *link) { l.flaps += 2 }), true, []int{2}},
		{"MAC", unix.RTM_NEWLINK, like(func(l *link) { l.mac[0] = 6 }), true, []int{2}},
		{"bridge", unix.RTM_NEWLINK, like(func(l *link) { l.master = 5 }), true, []int{2}},
		{"forwarding", unix.RTM_NEWLINK, like(func(l *link) { l.routes = true }), false, nil},
		{"promotion, as we switch it ourselves", unix.RTM_NEWLINK, like(func(l *link) { l.promotes = true }), false, nil},
		{"another name", unix.RTM_NEWLINK, like(func(l *link) { l.name = "lan0" }), true, nil},
		{"its name on another interface", unix.RTM_NEWLINK, like(func(l *link) { l.index = 3 }), true, []int{3}},
		{"its name as an alternative one", unix.RTM_NEWLINK, appendLink(nil, ethernetLink(3, "lan0"), "eth0"), true, []int{3}},
		{"gone", unix.RTM_DELLINK, like(func(*link) {}), true, nil},
		{"out of a bridge, says the bridge", unix.RTM_DELLINK, ofFamily(unix.AF_BRIDGE, like(func(*link) {})), false, nil},
		{"an older interface of that name is gone", unix.RTM_DELLINK, like(func(l *link) { l.index = 1 }), false, nil},
		{"an interface without VIPs", unix.RTM_NEWLINK, appendLink(nil, ethernetLink(9, "eth9")), false, nil},
		{"wireless events", unix.RTM_NEWLINK, appendAttribute(appendLink(nil, link{index: 2, name: "eth0"}), unix.IFLA_WIRELESS, []byte{1}), false, nil},
		{"failover of a bond", unix.RTM_NEWLINK, event(3), true, []int{2}},
		{"a driver asks for announcements", unix.RTM_NEWLINK, event(4), true, []int{2}},
		{"new features", unix.RTM_NEWLINK, event(2), false, nil},
		{"an interface that cannot be read", unix.RTM_NEWLINK, []byte{0}, true, nil},
		{"forwarding of an interface with VIPs", unix.RTM_NEWNETCONF, netconf(2), true, nil},
		{"forwarding of another", unix.RTM_NEWNETCONF, netconf(9), false, nil},
		{"half a setting", unix.RTM_NEWNETCONF, []byte{unix.AF_INET6}, false, nil},
		{"something else", unix.RTM_NEWROUTE, at("198.18.0.100/24", 0), false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newManager(Options{}, newFakeKernel(eth0))
			all := vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24")
			must(t, m.Configure(all))
			must(t, m.Set(all[:2]))
			m.dirty, m.moved = false, make(map[int]struct{})
			asks := m.note([]syscall.NetlinkMessage{{Header: syscall.NlMsghdr{Type: test.kind}, Data: test.data}})
			var moved []int
			for index := range m.moved {
				moved = append(moved, index)
			}
			if asks != test.asks || !slices.Equal(moved, test.moved) {
				t.Errorf("asks %t, moved %v, want %t, %v", asks, moved, test.asks, test.moved)
			}
		})
	}
}

// TestNoticeAsksOnce: as long as a look is due, others need not ask for it.
func TestNoticeAsksOnce(t *testing.T) {
	m := newManager(Options{}, newFakeKernel(ethernetLink(2, "eth0")))
	all := vips("198.18.0.100/24")
	must(t, m.Configure(all))
	must(t, m.Set(all))
	gone := appendDump(nil, address{index: 2, prefix: all[0].Address})
	msg := syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.RTM_DELADDR}, Data: gone}
	if !m.note([]syscall.NetlinkMessage{msg, msg}) {
		t.Error("the first does not ask")
	}
	if m.note([]syscall.NetlinkMessage{msg}) {
		t.Error("the second asks again")
	}
}
