package vrrpnet

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

func TestConfigureChangesWhatHasChanged(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	another := netip.MustParseAddr("198.18.0.99")
	moved := func(i *Instance) { i.Group, i.Router.PreemptDelay = "alone", time.Second }
	changed := func(i *Instance) {
		i.Wire.Addresses = append(i.Wire.Addresses, another)
		i.Router.Interval, i.Wire.Interval = 200*time.Millisecond, 200*time.Millisecond
	}
	a.configure(instance(1, 200), instance(2, 200), instance(3, 200), instance(4, 200), instance(5, 200))
	b.configure(instance(1, 100), instance(2, 100), instance(3, 100), instance(4, 100), instance(5, 100))
	for _, name := range []string{"v1", "v2", "v3", "v4", "v5"} {
		a.is(name, vrrp.Master)
	}
	before, before5 := a.status("v1"), a.status("v5")
	shut, shut5 := a.lease["v1"].shut.Load(), a.lease["v5"].shut.Load()
	a.configure(
		instance(1, 200),
		instance(2, 210),
		instance(3, 200, moved),
		instance(5, 200, changed))
	if got := a.status("v5"); got.Since != before5.Since || a.lease["v5"].shut.Load() != shut5 {
		t.Errorf("a router that was given another address let go: %+v", got)
	}
	b.hears("v5", "what it has changed to", func(s vrrp.Sender) bool { return s.Addresses == 2 && s.Interval == 200*time.Millisecond })
	if got := a.status("v1"); got.Since != before.Since || a.lease["v1"].shut.Load() != shut {
		t.Errorf("what has not changed began anew: %+v", got)
	}
	if got := a.status("v2"); got.State != vrrp.Master || got.Priority != 210 {
		t.Errorf("what has changed its priority is %s with priority %d", got.State, got.Priority)
	}
	b.is("v3", vrrp.Master)
	b.is("v4", vrrp.Master)
	if a.Holds("v4") || len(a.Status()) != 4 {
		t.Error("what was removed is there")
	}
	if a.lease["v3"].until.Load() != 0 || a.lease["v4"].until.Load() != 0 {
		t.Error("what was stopped has a lease")
	}
}

func TestSetPriority(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(1, 200))
	b.configure(instance(1, 100))
	a.is("v1", vrrp.Master)
	must(t, a.SetPriority("v1", 50, ""))
	b.is("v1", vrrp.Master)
	a.is("v1", vrrp.Backup)
	must(t, b.SetPriority("v1", 100, "check web failed"))
	b.is("v1", vrrp.Fault)
	a.is("v1", vrrp.Master)
	if s := b.Status()[0]; s.Reason != "check web failed" || s.Priority != 0 {
		t.Errorf("%+v", s)
	}
	b.configure(instance(1, 120)) // of which a fault knows nothing
	b.is("v1", vrrp.Fault)
	must(t, b.SetPriority("v1", 100, ""))
	b.is("v1", vrrp.Master)
	if err := a.SetPriority("v9", 1, ""); err == nil {
		t.Error("an instance that is not there has a priority")
	}
}

func TestConfigureRefusesAmbiguity(t *testing.T) {
	peer := netip.MustParseAddr("198.18.0.2")
	for _, tt := range []struct {
		name string
		list []Instance
		want string
	}{
		{"one name", []Instance{instance(1, 1), instance(1, 1, func(i *Instance) { i.Wire.VRID = 2 })}, "two instances"},
		{"one VRID", []Instance{instance(1, 1), instance(1, 1, named("x"))}, "same VRID 1 on eth0"},
		{"one peer", []Instance{instance(1, 1, unicast(peer)), instance(1, 1, named("x"), unicast(peer))}, "same VRID 1"},
		{"both families", []Instance{instance(1, 1), instance(1, 1, named("x"), ipv6)}, ""},
		{"both kinds", []Instance{instance(1, 1), instance(1, 1, named("x"), unicast(peer))}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.list {
				tt.list[i].Lease = &lease{}
			}
			err := check(tt.list)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// What a virtual MAC moves to is another router: it says farewell by the old one.
func TestAnotherVirtualMACIsAnotherRouter(t *testing.T) {
	device := func(name string, mac OwnMAC) Instance {
		return instance(1, 100, func(i *Instance) { i.Device, i.Own = name, mac })
	}
	is := device("web0", OwnMAC{2})
	for name, as := range map[string]Instance{
		"another name": device("web1", OwnMAC{2}), "another MAC": device("web0", OwnMAC{6}), "that of the RFC": device("web0", OwnMAC{}),
	} {
		if is.alike(&as) {
			t.Errorf("%s: it is alike", name)
		}
	}
	if as := device("web0", OwnMAC{2}); !is.alike(&as) {
		t.Error("it is not like itself")
	}
}

func named(name string) func(*Instance) { return func(i *Instance) { i.Name = name } }

// A router that cannot run where it is says why, and goes on when it can.
func TestInterfaceTroubles(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(7, 100))
	b.configure(instance(7, 50))
	a.is("v7", vrrp.Master)
	fault := func(reason string) {
		t.Helper()
		a.refresh()
		a.is("v7", vrrp.Fault)
		if got := a.status("v7").Reason; got != reason {
			t.Errorf("%s, want %s", got, reason)
		}
	}
	must(t, a.nl.LinkSetDown(a.link("eth0")))
	fault("eth0 is down")
	must(t, a.nl.LinkSetUp(a.link("eth0")))
	a.joined(b)
	a.is("v7", vrrp.Master)
	b.is("v7", vrrp.Backup)

	own := netip.PrefixFrom(a.own[0], 24)
	must(t, a.nl.AddrDel(a.link("eth0"), addr(t, own)))
	fault("eth0 has no IPv4 address")
	a.addAddr(own)
	a.refresh()
	a.is("v7", vrrp.Master)
	b.is("v7", vrrp.Backup)

	index := a.link("eth0").Attrs().Index
	must(t, a.nl.LinkDel(a.link("eth0")))
	fault("there is no interface eth0")
	join(t, a, b, index)
	a.is("v7", vrrp.Master)
	b.configure(instance(7, 150))
	b.is("v7", vrrp.Master)
	a.is("v7", vrrp.Backup)
}

// A master whose address changes says farewell from the old one, and goes on from the
// new one.
func TestSourceChanges(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(7, 200))
	b.configure(instance(7, 100))
	a.is("v7", vrrp.Master)
	within(t, "it is heard", func() bool { return b.status("v7").Master == a.own[0] })
	must(t, a.nl.AddrDel(a.link("eth0"), addr(t, netip.PrefixFrom(a.own[0], 24))))
	other := netip.MustParsePrefix("198.18.0.77/24")
	a.addAddr(other)
	a.refresh()
	a.is("v7", vrrp.Master)
	within(t, "it is heard from its new address", func() bool { return b.status("v7").Master == other.Addr() })
	if got := a.status("v7"); got.Source != other.Addr() || got.SendErrors > 0 {
		t.Errorf("%+v", got)
	}
}

// An advert that could not leave opens no lease.
func TestSendErrors(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	a.configure(instance(7, 100, func(i *Instance) { i.IgnoreLink = true }))
	a.is("v7", vrrp.Master)
	must(t, a.nl.LinkSetDown(a.link("eth0")))
	a.refresh()
	within(t, "it holds nothing", func() bool { return !a.Holds("v7") })
	got := a.status("v7")
	if got.SendErrors == 0 || !errors.Is(got.SendError, unix.ENETDOWN) && !errors.Is(got.SendError, unix.ENETUNREACH) {
		t.Errorf("%d errors, the last one %v", got.SendErrors, got.SendError)
	}
}

// A master that did not run until its lease was over lets go before anything else.
func TestLateMaster(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	a.configure(instance(7, 100))
	a.is("v7", vrrp.Master)
	opened := &a.lease["v7"].opened
	var before int64
	must(t, a.commands.call(func() { before = opened.Load(); time.Sleep(4 * adv) })) // the loop stands still
	within(t, "it has noticed", func() bool { return a.status("v7").Late > 0 })
	if a.lease["v7"].shut.Load() == 0 || opened.Load() != before {
		t.Errorf("its lease was opened %d times before and %d after", before, opened.Load())
	}
	a.is("v7", vrrp.Master)
}

func TestSyncGroup(t *testing.T) {
	a, b := newPair(t)
	grouped := func(i *Instance) { i.Group = "g" }
	a.run()
	b.run()
	a.configure(instance(1, 200, grouped), instance(2, 200, grouped, ipv6))
	b.configure(instance(1, 100, grouped), instance(2, 100, grouped, ipv6))
	a.is("v1", vrrp.Master)
	a.is("v2", vrrp.Master)
	must(t, a.SetPriority("v2", 200, "check web failed"))
	b.is("v1", vrrp.Master)
	b.is("v2", vrrp.Master)
	a.is("v1", vrrp.Fault)
	if got := a.status("v1").Reason; got != "as v2 of its sync group: check web failed" {
		t.Errorf("v1 is in fault: %s", got)
	}
	for _, own := range []string{"check db failed", ""} {
		must(t, a.SetPriority("v1", 200, own))
		if got, want := a.status("v1").Reason, cmp.Or(own, "as v2 of its sync group: check web failed"); got != want {
			t.Errorf("v1 is in fault: %s, want %s", got, want)
		}
	}
	must(t, a.SetPriority("v2", 200, ""))
	a.is("v1", vrrp.Master)
	a.is("v2", vrrp.Master)
	b.is("v1", vrrp.Backup)
}

// One VRID may be that of the multicast group and of pairs.
func TestOneVRIDOfManyKinds(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	a.configure(instance(1, 200), instance(1, 100, named("six"), ipv6), instance(1, 200, named("pair"), unicast(b.own[0])))
	b.configure(instance(1, 100), instance(1, 200, named("six"), ipv6), instance(1, 100, named("pair"), unicast(a.own[0])))
	a.is("v1", vrrp.Master)
	a.is("pair", vrrp.Master)
	b.is("six", vrrp.Master)
	for _, name := range []string{"v1", "pair"} {
		within(t, name+" is heard", func() bool { return b.status(name).Master == a.own[0] })
		for _, s := range b.Heard()[name].Senders {
			if s.Heeded == 0 || s.Refused != (vrrp.Counts{}) {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

func TestAdvertsFromAVirtualMAC(t *testing.T) {
	a, b := newPair(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "vrrp.7", a.link("eth0").Attrs().Index
	attrs.HardwareAddr = net.HardwareAddr{0, 0, 0x5e, 0, 1, 7}
	must(t, a.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}))
	must(t, a.nl.LinkSetUp(a.link("vrrp.7")))
	within(t, "vrrp.7 runs", func() bool { return a.link("vrrp.7").Attrs().RawFlags&unix.IFF_RUNNING != 0 })
	a.run()
	stop := b.run()
	wire := b.listen()
	a.configure(instance(7, 100, func(i *Instance) { i.Device = "vrrp.7" }))
	a.is("v7", vrrp.Master)
	within(t, "adverts come from the virtual MAC", func() bool { return wire.source() == attrs.HardwareAddr.String() })
	b.configure(instance(7, 200))
	b.is("v7", vrrp.Master)
	a.is("v7", vrrp.Backup) // it hears on the parent
	if got := b.Heard()["v7"].Senders; len(got) != 1 || got[0].Address != a.own[0] {
		t.Errorf("heard from %v", got)
	}
	stop()
	a.is("v7", vrrp.Master)
}

// Once a shorter interval was said backups wait no longer than that asks for, and
// neither does the lease.
func TestShorterIntervalShortensLease(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	long := instance(1, 255, func(i *Instance) { i.Router.Interval, i.Wire.Interval = 10*time.Second, 10*time.Second })
	a.configure(long)
	a.is("v1", vrrp.Master)
	a.configure(instance(1, 255))
	within(t, "the lease is short", func() bool {
		return a.lease["v1"].until.Load() < int64(Clock()+time.Second) && a.Holds("v1")
	})
}

// A member that is taken out of its group leaves the others what they are.
func TestMemberLeavesGroup(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	grouped := func(i *Instance) { i.Group = "g" }
	members := []Instance{instance(1, 255, grouped), instance(2, 255, grouped), instance(3, 255, grouped)}
	a.configure(members...)
	for _, i := range members {
		a.is(i.Name, vrrp.Master)
	}
	a.configure(members[0], members[2])
	for _, name := range []string{"v1", "v3"} {
		a.is(name, vrrp.Master)
		if n := a.lease[name].shut.Load(); n != 0 {
			t.Errorf("the lease of %s was shut %d times", name, n)
		}
	}
	if a.lease["v2"].until.Load() != 0 {
		t.Error("the one that has left has a lease")
	}
}

func TestMoreAddressesThanAnAdvertHolds(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	many := func(i *Instance) {
		i.Wire.Addresses = nil
		for host := range 300 {
			i.Wire.Addresses = append(i.Wire.Addresses, netip.AddrFrom4([4]byte{198, 18, byte(2 + host>>8), byte(host)}))
		}
		i.Held = i.Wire.Addresses
	}
	a.configure(instance(7, 200, many))
	b.configure(instance(7, 100, many))
	a.is("v7", vrrp.Master)
	b.hears("v7", "the first 255", func(s vrrp.Sender) bool { return s.Addresses == 255 && !s.OtherAddresses && s.Heeded > 0 })
	b.is("v7", vrrp.Backup)
}

// A router that begins in fault is the master at no time, whatever its priority, and a
// configuration of the same does not change what was said of it since.
func TestBeginsInFault(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	broken := func(i *Instance) { i.Fault = "check web failed" }
	a.configure(instance(1, 255, broken))
	a.is("v1", vrrp.Fault)
	if s := a.status("v1"); s.Sent != 0 || s.Reason != "check web failed" {
		t.Errorf("%+v", s)
	}
	before := a.status("v1").Transitions
	must(t, a.SetPriority("v1", 255, ""))
	a.is("v1", vrrp.Master)
	if n := a.status("v1").Transitions; n <= before {
		t.Errorf("%d transitions after %d", n, before)
	}
	a.configure(instance(1, 255, broken))
	a.is("v1", vrrp.Master)
}
