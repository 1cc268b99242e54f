package vrrpnet

import (
	"fmt"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/vrrp"
)

// ways counts how often each socket is told to send, and how many adverts that were.
type ways struct{ calls, adverts map[*sender]int }

// watchWays has the senders of an engine be counted.
func watchWays(e *Engine) *ways {
	w := &ways{map[*sender]int{}, map[*sender]int{}}
	for _, s := range e.senders {
		s.transmit = func(fd int, messages []message) (int, error) {
			n, err := sendmmsg(fd, messages)
			w.calls[s]++
			w.adverts[s] += n
			return n, err
		}
	}
	return w
}

// Adverts that are due together leave by one system call for each interface and family,
// however many routers there are.
func TestAdvertsLeaveTogether(t *testing.T) {
	a, _ := newPair(t)
	const each = 255 // all VRIDs
	var all []Instance
	for vrid := 1; vrid <= each; vrid++ {
		all = append(all, instance(uint8(vrid), masterPriority), instance(uint8(vrid), masterPriority, ipv6, named(fmt.Sprintf("six%d", vrid))))
	}
	e := still(t, a, all...)
	for range 5 {
		e.advance()
	}
	const wakeUps = 3
	w := watchWays(e)
	for range wakeUps {
		e.advance()
	}
	if len(e.senders) != 2 {
		t.Fatalf("%d senders, want one for each family", len(e.senders))
	}
	for s := range w.calls {
		if w.calls[s] != wakeUps || w.adverts[s] != wakeUps*each {
			t.Errorf("IPv6 %v: %d adverts by %d calls in %d wake-ups, want %d by one each",
				s.kind.ipv6, w.adverts[s], w.calls[s], wakeUps, wakeUps*each)
		}
	}
	if len(w.calls) != 2 {
		t.Errorf("%d senders have sent", len(w.calls))
	}
}

// Routers whose deadlines are less than the slack apart are woken together, once in an
// interval, and so on and on.
func TestDeadlinesThatAreNearAreMetTogether(t *testing.T) {
	a, _ := newPair(t)
	const routers = 100
	e := still(t, a)
	for vrid := range uint8(routers) {
		i := instance(vrid+1, masterPriority)
		i.Lease = &lease{}
		r := newRunner(i, e.now)
		e.runners[i.Name] = r
		e.settle(r)
		e.step(r, r.router.Tick(e.now+4*adv), "test")
		e.now += maxSlack / routers
	}
	e.flush()
	for range 20 {
		start, wakeUps, sent := e.next(), 0, 0
		for next := e.next(); next < start+adv/2; next = e.next() {
			e.now = next
			wakeUps++
			e.tickMasters()
			for _, s := range e.outgoing {
				sent += len(s.parcels)
			}
			e.flush()
		}
		if wakeUps != 1 || sent != routers {
			t.Fatalf("%d adverts in %d wake-ups, want %d in one", sent, wakeUps, routers)
		}
	}
}

// A router with a virtual MAC sends by a device of its own, without allocating, and takes
// little room for it.
func TestHotPathVirtualMAC(t *testing.T) {
	a, _ := newPair(t)
	var all []Instance
	for vrid := range uint8(20) {
		i := instance(vrid+1, masterPriority)
		i.Device = fmt.Sprintf("vrrp.%d", vrid+1)
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = i.Device, a.link("eth0").Attrs().Index, VirtualMAC4(vrid+1)
		must(t, a.nl.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}))
		must(t, a.nl.LinkSetUp(a.link(i.Device)))
		all = append(all, i)
	}
	e := still(t, a, all...)
	for range 5 {
		e.advance()
	}
	w := watchWays(e)
	e.advance()
	if len(w.calls) != len(all) {
		t.Fatalf("%d senders have sent, want %d", len(w.calls), len(all))
	}
	for s := range w.calls {
		if w.calls[s] != 1 || cap(s.messages) > 4 {
			t.Errorf("%d calls, and room for %d messages", w.calls[s], cap(s.messages))
		}
		s.transmit = sendmmsg
	}
	if n := testing.AllocsPerRun(20, e.advance); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for _, r := range e.runners {
		if s := r.status(); s.State != vrrp.Master {
			t.Fatalf("%+v", s)
		}
	}
}
