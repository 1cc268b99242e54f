package checker

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mdlayher/socket"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestInterfaceReasons(t *testing.T) {
	l := newLab(t)
	eth0 := l.checker(Spec{Kind: "interface", Target: "eth0"})
	wantReason(t, eth0, enough, "")
	l.down(l.there, "peer0")
	wantReason(t, eth0, enough, "interface eth0 has no carrier")
	l.up(l.there, "peer0")
	wantReason(t, eth0, enough, "")
	l.down(l.here, "eth0")
	wantReason(t, eth0, enough, "interface eth0 is down")
	l.must(l.here.LinkDel(l.link(l.here, "eth0")))
	wantReason(t, eth0, enough, "interface eth0 does not exist")
}

func TestInterfaceThatKnowsNoCarrierIsWell(t *testing.T) {
	l := newLab(t)
	wantReason(t, l.checker(Spec{Kind: "interface", Target: "lo"}), enough, "")
}

func TestInterfaceAboveOneThatIsDown(t *testing.T) {
	l := newLab(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "mac0", l.link(l.here, "eth0").Attrs().Index
	l.must(l.here.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	l.up(l.here, "mac0")
	mac0 := l.checker(Spec{Kind: "interface", Target: "mac0"})
	wantReason(t, mac0, enough, "")
	l.down(l.there, "peer0")
	until(l.t, "the one above learns of it", func() bool {
		return reasonOf(t, mac0, enough) == "interface mac0 has no carrier: the interface below it is down"
	})
}

func TestInterfaceByAlternativeName(t *testing.T) {
	l := newLab(t)
	const name = "uplink-to-the-provider"
	l.must(l.here.LinkAddAltName(l.link(l.here, "eth0"), name))
	wantReason(t, l.checker(Spec{Kind: "interface", Target: name}), enough, "")
}

func TestInterfaceNamesThatCannotBe(t *testing.T) {
	for _, name := range []string{"", "a/b", "eth0 ", strings.Repeat("x", 128)} {
		if _, err := testHost().New(Spec{Kind: "interface", Target: name}); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// watched counts how often a Watcher of an interface in the lab has told of a change.
func (l *lab) watched(h *Host, name string) *atomic.Int64 {
	l.t.Helper()
	var told atomic.Int64
	c := made(l.t, h, Spec{Kind: "interface", Target: name})
	reasonOf(l.t, c, enough)
	before := h.links.count()
	l.beside(func(ctx context.Context) {
		if err := c.(Watcher).Watch(ctx, func() { told.Add(1) }); err != nil {
			l.t.Error(err)
		}
	})
	until(l.t, "listens", func() bool { return h.links.count() > before })
	return &told
}

func (l *listeners[T]) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// moves waits until a count is another.
func (l *lab) moves(what string, told *atomic.Int64, change func()) {
	l.t.Helper()
	before := told.Load()
	change()
	until(l.t, what, func() bool { return told.Load() > before })
}

func TestInterfaceChangesAreNoticed(t *testing.T) {
	l := newLab(t)
	h := testHost()
	told := l.watched(h, "eth0")
	l.moves("begin", told, func() { l.beside(func(ctx context.Context) { h.links.Run(ctx, h.log) }) })
	l.moves("carrier lost", told, func() { l.down(l.there, "peer0") })
	l.moves("down", told, func() { l.down(l.here, "eth0") })
	l.moves("renamed", told, func() { l.must(l.here.LinkSetName(l.link(l.here, "eth0"), "eth9")) })
	l.moves("removed", told, func() { l.must(l.here.LinkDel(l.link(l.here, "eth9"))) })
	l.moves("there again", told, func() { l.veth("eth0", "peer0") })
}

func TestInterfaceChangesOfOthersAreNotTold(t *testing.T) {
	l := newLab(t)
	h := testHost()
	eth0, others := l.watched(h, "eth0"), l.watched(h, "eth1")
	l.moves("begin", others, func() { l.beside(func(ctx context.Context) { h.links.Run(ctx, h.log) }) })
	until(l.t, "begin", func() bool { return eth0.Load() > 0 })
	before := eth0.Load()
	l.moves("eth1 comes", others, func() { l.veth("eth1", "peer1") })
	if got := eth0.Load() - before; got != 0 {
		t.Errorf("told of eth0 %d times", got)
	}
}

func TestLostNotificationsHaveAllLookAgain(t *testing.T) {
	l := newLab(t)
	h := testHost()
	opened := 0
	h.links.open = func() (*socket.Conn, error) {
		if opened++; opened > 1 {
			return openLinks()
		}
		return l.flooded(), nil
	}
	told := l.watched(h, "eth7")
	l.beside(func(ctx context.Context) { h.links.Run(ctx, h.log) })
	until(l.t, "told at each begin", func() bool { return told.Load() == 2 })
	l.moves("subscribed again", told, func() { l.veth("eth7", "peer7") })
}

// flooded is a subscription that has lost notifications.
func (l *lab) flooded() *socket.Conn {
	conn, err := openLinks()
	if err != nil {
		l.t.Error(err)
		return nil
	}
	_ = conn.SetReadBuffer(1)
	for i := range 100 {
		_ = l.here.LinkSetMTU(l.link(l.here, "eth0"), 1400+i)
	}
	return conn
}

func TestGarbledNotificationsHaveAllLookAgain(t *testing.T) {
	var l links
	one := &listener[linkNews]{func(linkNews) bool { return false }, make(chan struct{}, 1)}
	l.add(one)
	l.take(make([]byte, unix.SizeofNlMsghdr)) // says that it is 0 bytes long
	if len(one.news) != 1 {
		t.Error("not told")
	}
}
