package vrrpnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const linkReady = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP

// linkMessage is the payload of RTM_NEWLINK or RTM_DELLINK.
func linkMessage(index int, name string, flags uint32, change ...func([]byte) []byte) []byte {
	b := binary.NativeEndian.AppendUint32(make([]byte, 4), uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	b = append(b, 0, 0, 0, 0)
	b = appendAttr(b, unix.IFLA_IFNAME, append([]byte(name), 0))
	b = appendAttr(b, unix.IFLA_MTU, nl.Uint32Attr(1500))
	b = appendAttr(b, unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, byte(index)})
	for _, f := range change {
		b = f(b)
	}
	return b
}

// addressMessage is the payload of RTM_NEWADDR or RTM_DELADDR.
func addressMessage(index int, prefix string, scope uint8, flags uint32) []byte {
	p := netip.MustParsePrefix(prefix)
	family, attribute := byte(unix.AF_INET), unix.IFA_LOCAL
	if p.Addr().Is6() {
		family, attribute = unix.AF_INET6, unix.IFA_ADDRESS
	}
	b := []byte{family, byte(p.Bits()), byte(flags), scope}
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = appendAttr(b, attribute, p.Addr().AsSlice())
	if p.Addr().Is4() {
		b = appendAttr(b, unix.IFA_ADDRESS, p.Addr().AsSlice())
	}
	return appendAttr(b, unix.IFA_FLAGS, nl.Uint32Attr(flags))
}

func appendAttr(b []byte, kind int, value []byte) []byte {
	return append(b, nl.NewRtAttr(kind, value).Serialize()...)
}

// tableTest applies messages, and compares what is shown.
type tableTest struct {
	t     *testing.T
	table interfaceTable
}

func newTableTest(t *testing.T) *tableTest {
	x := &tableTest{t, interfaceTable{}}
	x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", linkReady))
	return x
}

func (x *tableTest) apply(kind uint16, payload []byte) (changed bool) {
	x.t.Helper()
	changed, err := x.table.apply(kind, payload)
	if err != nil {
		x.t.Fatal(err)
	}
	return changed
}

func (x *tableTest) add(prefix string, scope uint8, flags uint32) bool {
	x.t.Helper()
	return x.apply(unix.RTM_NEWADDR, addressMessage(2, prefix, scope, flags))
}

func (x *tableTest) remove(prefix string) bool {
	x.t.Helper()
	return x.apply(unix.RTM_DELADDR, addressMessage(2, prefix, 0, 0))
}

// shows compares the addresses of eth0.
func (x *tableTest) shows(want ...string) {
	x.t.Helper()
	var got []string
	for _, p := range x.table.list()[0].Addresses {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		x.t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func (x *tableTest) up() bool { x.t.Helper(); return x.table.list()[0].Up }

func TestInterfaceShown(t *testing.T) {
	x := newTableTest(t)
	x.apply(unix.RTM_NEWLINK, linkMessage(1, "lo", 0))
	want := []Interface{
		{Name: "lo", Index: 1, MTU: 1500, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}},
		{Name: "eth0", Index: 2, Up: true, MTU: 1500, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}},
	}
	if diff := cmp.Diff(want, x.table.list()); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

func TestInterfaceIsUpOnlyWithCarrier(t *testing.T) {
	for _, flag := range []uint32{unix.IFF_UP, unix.IFF_RUNNING, unix.IFF_LOWER_UP} {
		x := newTableTest(t)
		if !x.up() {
			t.Fatal("not up with all flags")
		}
		if !x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", linkReady&^flag)) || x.up() {
			t.Errorf("still up without flag %#x", flag)
		}
	}
}

func TestInterfaceLinkMessages(t *testing.T) {
	x := newTableTest(t)
	x.add("198.18.0.1/24", 0, 0)
	x.shows("198.18.0.1/24")
	if x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", linkReady|unix.IFF_PROMISC)) {
		t.Error("a change that is not shown counts")
	}
	if !x.apply(unix.RTM_NEWLINK, linkMessage(2, "lan0", linkReady)) {
		t.Error("a new name does not count")
	}
	x.shows("198.18.0.1/24")
	if got := x.table.list()[0].Name; got != "lan0" {
		t.Errorf("name is %s", got)
	}
	if !x.apply(unix.RTM_DELLINK, linkMessage(2, "lan0", 0)) || len(x.table.list()) != 0 {
		t.Error("still there")
	}
	x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", linkReady))
	x.shows() // no addresses of the one before
}

func TestInterfaceThatLeftBridgeStays(t *testing.T) {
	x := newTableTest(t)
	left := func(b []byte) []byte { b[0] = unix.AF_BRIDGE; return b }
	wireless := func(b []byte) []byte { return appendAttr(b, unix.IFLA_WIRELESS, nil) }
	if x.apply(unix.RTM_DELLINK, linkMessage(2, "eth0", 0, left)) ||
		x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", 0, wireless)) || !x.up() {
		t.Error("taken for news of the interface itself")
	}
}

func TestInterfaceBelow(t *testing.T) {
	x := newTableTest(t)
	on := func(b []byte) []byte { return appendAttr(b, unix.IFLA_LINK, nl.Uint32Attr(2)) }
	elsewhere := func(b []byte) []byte { return appendAttr(b, unix.IFLA_LINK_NETNSID, nl.Uint32Attr(0)) }
	for name, tt := range map[string]struct {
		index  int
		change []func([]byte) []byte
		below  int
	}{
		"on none":                          {3, nil, 0},
		"on eth0":                          {3, []func([]byte) []byte{on}, 2},
		"on itself":                        {2, []func([]byte) []byte{on}, 0},
		"on one in another namespace":      {3, []func([]byte) []byte{on, elsewhere}, 0},
		"on one in another namespace, too": {3, []func([]byte) []byte{elsewhere, on}, 0},
	} {
		x.apply(unix.RTM_NEWLINK, linkMessage(tt.index, "eth0.3", linkReady, tt.change...))
		if got := x.table[tt.index].show().Below; got != tt.below {
			t.Errorf("%s: is on %d, want %d", name, got, tt.below)
		}
	}
	x.apply(unix.RTM_NEWLINK, linkMessage(3, "eth0.3", linkReady))
	if !x.apply(unix.RTM_NEWLINK, linkMessage(3, "eth0.3", linkReady, on)) {
		t.Error("what it is on is no news")
	}
}

func TestInterfaceAddressBeforeLink(t *testing.T) {
	x := &tableTest{t, interfaceTable{}}
	x.add("198.18.0.1/24", 0, 0)
	if got := x.table.list(); len(got) != 0 {
		t.Errorf("shows %v, of which nothing is known", got)
	}
	x.apply(unix.RTM_NEWLINK, linkMessage(2, "eth0", linkReady))
	x.shows("198.18.0.1/24")
}

func TestInterfaceAddressOrder(t *testing.T) {
	x := newTableTest(t)
	const link = unix.RT_SCOPE_LINK
	x.add("fe80::1/64", link, 0)
	x.add("198.18.0.1/24", 0, 0)
	x.add("198.18.0.2/24", 0, unix.IFA_F_SECONDARY)
	x.add("198.18.1.1/24", 0, 0)
	x.add("169.254.0.1/16", link, 0)
	x.add("2001:db8::1/64", 0, 0)
	x.add("2001:db8::2/64", 0, 0)
	x.shows("169.254.0.1/16", "198.18.0.1/24", "198.18.1.1/24", "198.18.0.2/24",
		"2001:db8::2/64", "2001:db8::1/64", "fe80::1/64")
	x.add("198.18.1.2/24", 0, unix.IFA_F_SECONDARY)
	x.add("198.18.0.3/24", 0, unix.IFA_F_SECONDARY)
	x.remove("198.18.1.1/24")
	x.add("198.18.1.2/24", 0, 0) // it is promoted
	x.shows("169.254.0.1/16", "198.18.0.1/24", "198.18.1.2/24", "198.18.0.2/24", "198.18.0.3/24",
		"2001:db8::2/64", "2001:db8::1/64", "fe80::1/64")
}

func TestInterfaceAddressChanges(t *testing.T) {
	x := newTableTest(t)
	if !x.add("198.18.0.1/24", 0, unix.IFA_F_PERMANENT) {
		t.Error("a new address does not count")
	}
	if x.add("198.18.0.1/24", 0, unix.IFA_F_PERMANENT) {
		t.Error("a renewed address counts")
	}
	before := x.table.list()[0]
	if x.remove("198.18.0.1/25") {
		t.Error("another prefix length removed it")
	}
	if !x.remove("198.18.0.1/24") {
		t.Error("a removed address does not count")
	}
	x.shows()
	x.add("198.18.0.2/24", 0, 0)
	x.shows("198.18.0.2/24")
	if len(before.Addresses) != 1 || before.Addresses[0].String() != "198.18.0.1/24" {
		t.Error("a list that was told has been changed")
	}
}

func TestInterfaceAddressNotKnownToBeUnique(t *testing.T) {
	x := newTableTest(t)
	x.add("2001:db8::1/64", 0, unix.IFA_F_TENTATIVE)
	x.add("2001:db8::2/64", 0, unix.IFA_F_DADFAILED)
	x.add("2001:db8::3/64", 0, unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC)
	x.shows("2001:db8::3/64")
	if !x.add("2001:db8::1/64", 0, 0) {
		t.Error("that it is unique does not count")
	}
	x.shows("2001:db8::3/64", "2001:db8::1/64")
}

func TestInterfaceAddressWithPeer(t *testing.T) {
	x := newTableTest(t)
	b := []byte{unix.AF_INET, 32, 0, 0}
	b = binary.NativeEndian.AppendUint32(b, 2)
	b = appendAttr(b, unix.IFA_LOCAL, []byte{198, 18, 0, 1})
	b = appendAttr(b, unix.IFA_ADDRESS, []byte{198, 18, 0, 9})
	x.apply(unix.RTM_NEWADDR, b)
	x.add("198.18.0.1/32", 0, 0)
	x.shows("198.18.0.1/32", "198.18.0.1/32")
	x.remove("198.18.0.1/32")
	x.shows("198.18.0.1/32")
}

func TestInterfaceMessageDamaged(t *testing.T) {
	link, addr := linkMessage(2, "eth0", linkReady), addressMessage(2, "198.18.0.1/24", 0, 0)
	wrongBits := addressMessage(2, "198.18.0.1/24", 0, 0)
	wrongBits[1] = 33
	for _, test := range []struct {
		kind    uint16
		payload []byte
	}{
		{unix.RTM_NEWLINK, link[:15]},
		{unix.RTM_NEWLINK, append(link[:len(link):len(link)], 99, 0, 1, 0)},
		{unix.RTM_NEWADDR, addr[:7]},
		{unix.RTM_NEWADDR, append(addr[:len(addr):len(addr)], 99, 0, 1, 0)},
		{unix.RTM_DELADDR, wrongBits},
	} {
		x := newTableTest(t)
		if changed, err := x.table.apply(test.kind, test.payload); err == nil || changed {
			t.Errorf("%x is taken", test.payload)
		}
	}
	if _, err := parseInterfaceAddress(addr[:7]); !errors.Is(err, unix.EBADMSG) {
		t.Errorf("error %v", err)
	}
}

func FuzzInterfaceTable(f *testing.F) {
	f.Add(uint16(unix.RTM_NEWLINK), linkMessage(2, "eth0", linkReady))
	f.Add(uint16(unix.RTM_NEWADDR), addressMessage(2, "198.18.0.1/24", 0, 0))
	f.Add(uint16(unix.RTM_NEWADDR), addressMessage(2, "fe80::1/64", unix.RT_SCOPE_LINK, 0))
	f.Fuzz(func(_ *testing.T, kind uint16, payload []byte) {
		table := interfaceTable{}
		_, _ = table.apply(kind, payload)
		_ = table.list()
		_ = table.load(kind, payload)
	})
}

// BenchmarkInterfaceTable5000 adds and removes 5,000 addresses one by one.
func BenchmarkInterfaceTable5000(b *testing.B) {
	var messages [][]byte
	for i := range 5000 {
		messages = append(messages, addressMessage(2, fmt.Sprintf("198.18.%d.%d/16", i/250, i%250+1), 0, unix.IFA_F_SECONDARY))
	}
	for b.Loop() {
		table := interfaceTable{}
		for _, m := range messages {
			_, _ = table.apply(unix.RTM_NEWADDR, m)
		}
		for _, m := range messages {
			_, _ = table.apply(unix.RTM_DELADDR, m)
		}
	}
}
