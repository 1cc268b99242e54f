package vrrpnet

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// An advert that is dropped before it has left this node has not left: the lease ends.
func TestDroppedAdvertOpensNoLease(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	a.configure(instance(1, 200), instance(2, 200, ipv6))
	for _, name := range []string{"v1", "v2"} {
		a.is(name, vrrp.Master)
	}
	link := a.link("eth0").Attrs().Index
	must(t, a.nl.QdiscAdd(&netlink.Tbf{ // it has no packet of more than some bytes pass
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link, Parent: netlink.HANDLE_ROOT},
		Rate:       1000, Buffer: 300_000, Limit: 20,
	}))
	for _, name := range []string{"v1", "v2"} {
		within(t, name+" has no lease", func() bool { return !a.Holds(name) })
		if s := a.status(name); s.State != vrrp.Master || s.SendErrors == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// What a peer without VRRP says about adverts keeps none from leaving.
func TestPeerWithoutVRRP(t *testing.T) {
	a, b := newPair(t)
	a.run()
	a.configure(
		instance(1, 200, unicast(b.own[0])),
		instance(2, 200, ipv6, unicast(b.own[1])),
	)
	for _, name := range []string{"v1", "v2"} {
		a.is(name, vrrp.Master)
		sent := a.status(name).Sent
		within(t, name+" sends", func() bool { return a.status(name).Sent > sent+10 })
		if s := a.status(name); s.SendErrors != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A socket that could not join the group is not taken for one that has: a router would
// hear nobody, and be a second master.
func TestGroupIsJoinedLater(t *testing.T) {
	a, _ := newPair(t)
	a.here()
	eth0 := link{"eth0", a.link("eth0").Attrs().Index}
	for _, kind := range []receiverKind{{eth0, false, protocolVRRP}, {eth0, true, protocolVRRP}} {
		fd, err := openReceiver(kind)
		must(t, err)
		defer unix.Close(fd)
		rc, r := &receiver{kind: kind, fd: fd}, newRunner(instance(1, 100), 0)
		r.IPv6 = kind.ipv6
		gone := place{links: links{link{"gone", 99}, eth0, eth0}}
		for range 2 {
			if rc.joinFor(r, gone) == nil {
				t.Error("joined on an interface that is not there")
			}
		}
		must(t, rc.joinFor(r, place{links: links{eth0, eth0, eth0}}))
	}
}

// After a pause all sockets are heard before a backup gives its master up.
func TestAllSocketsAreHeard(t *testing.T) {
	p, err := newPoller()
	must(t, err)
	defer p.close()
	const sockets = 600
	for range sockets {
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
		must(t, err)
		defer unix.Close(fd)
		must(t, p.add(fd))
	}
	ready, err := p.wait()
	must(t, err)
	if len(ready) != sockets {
		t.Errorf("%d of %d", len(ready), sockets)
	}
}
