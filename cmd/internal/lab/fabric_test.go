package lab

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// far are addresses that belong to no segment.
var far = []netip.Prefix{netip.MustParsePrefix("192.0.2.100/32"), netip.MustParsePrefix("2001:db8:ff::100/128")}

// routed is a fabric whose router is watched.
type routed struct {
	*Fabric
	t      *testing.T
	routes *Routes
}

// newRouted starts a fabric, and waits until the router hears each node.
func newRouted(t *testing.T) *routed {
	t.Helper()
	NeedBGP(t)
	l, err := New()
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	f, err := NewFabric(l, t.TempDir(), 3)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			for _, s := range f.Speakers {
				t.Logf("%s:\n%s\n%s:\n%s", s.Zebra.Name, s.Zebra.LogTail(20), s.BGPD.Name, s.BGPD.LogTail(20))
			}
		}
	})
	begin := time.Now()
	must(t, f.Start())
	r := &routed{Fabric: f, t: t}
	r.ready(f.Nodes...)
	t.Logf("ready after %v", time.Since(begin))
	r.routes, err = f.Router.WatchRoutes(far...)
	must(t, err)
	return r
}

func (r *routed) ready(nodes ...*Host) {
	r.t.Helper()
	for _, n := range nodes {
		eventually(r.t, n.Name+" speaks to the router", func() bool {
			ready, err := r.Ready(n)
			return err == nil && ready
		})
	}
}

// announce has bgpd of the hosts announce all that is far.
func (r *routed) announce(hosts ...*Host) {
	r.t.Helper()
	for _, h := range hosts {
		for _, p := range far {
			must(r.t, r.Speakers[h].Network(NodeASN, p))
		}
	}
}

func (r *routed) give(h *Host) {
	r.t.Helper()
	for _, p := range far {
		must(r.t, h.AddAddress(p))
	}
}

func (r *routed) take(h *Host) {
	r.t.Helper()
	for _, p := range far {
		must(r.t, h.RemoveAddress(p.Addr()))
	}
}

// becomes waits until the ways to all that is far are by these hosts, by every account.
func (r *routed) becomes(what string, since time.Time, want ...*Host) {
	r.t.Helper()
	for _, p := range far {
		eventually(r.t, what, func() bool {
			from, err := r.Speakers[r.Router].From(p)
			must(r.t, err)
			via, err := r.Router.Via(p)
			must(r.t, err)
			seen := r.routes.Since(p, time.Now()).Ways[0].Via
			return slices.Equal(from, want) && slices.Equal(via, want) && slices.Equal(seen, want)
		})
		r.t.Logf("%s, %s: %s", what, p, r.routes.Since(p, since))
	}
}

// A route is there while bgpd is told to announce the prefix and the kernel has just it.
func TestRouteFollowsStatementAndAddress(t *testing.T) {
	r := newRouted(t)
	a, b := r.Nodes[0], r.Nodes[1]
	r.announce(a, b)
	held, err := a.WatchRoutes(far...)
	must(t, err)
	now := time.Now()
	r.give(a)
	r.becomes("a has the address", now, a)
	for _, p := range far {
		if _, ok := held.Since(p, now).Begin(a); !ok {
			t.Errorf("by its own routes a never had %s: %s", p, held.Since(p, now))
		}
	}
	now = time.Now()
	r.give(b)
	r.becomes("b has it too", now, a, b)
	p := ping(t, r.Client, far[0].Addr().String())
	waitAnswers(t, p)
	now = time.Now()
	r.take(a)
	r.becomes("a lets go", now, b)
	for _, p := range far {
		if via := held.Since(p, time.Now()).Ways[0].Via; len(via) > 0 {
			t.Errorf("by its own routes a still has %s", p)
		}
	}
	for _, prefix := range far {
		if since := r.routes.Since(prefix, now); since.Broken() {
			t.Errorf("%s: the router had no way while b had the address: %s", prefix, since)
		}
	}
	waitAnswers(t, p)
	now = time.Now()
	for _, p := range far {
		must(t, r.Speakers[b].NoNetwork(NodeASN, p))
	}
	r.becomes("b withdraws", now)
	for _, p := range far {
		must(t, r.Speakers[b].Network(NodeASN, p))
		must(t, b.RemoveAddress(p.Addr()))
		must(t, b.AddAddress(netip.PrefixFrom(p.Addr(), p.Bits()-8)))
	}
	r.give(a)
	now = time.Now()
	r.becomes("b has it in a wider network", now, a)
}

func TestRouteEndsWithTheSession(t *testing.T) {
	r := newRouted(t)
	a, b, c := r.Nodes[0], r.Nodes[1], r.Nodes[2]
	r.announce(r.Nodes...)
	for _, n := range r.Nodes {
		r.give(n)
	}
	now := time.Now()
	r.becomes("all have the address", now, a, b, c)
	now = time.Now()
	must(t, r.Speakers[a].BGPD.Kill())
	r.becomes("bgpd was killed", now, b, c)
	now = time.Now()
	must(t, r.Uplink(c).Cut())
	r.becomes("the router's end of the link was cut", now, b)
	now = time.Now()
	must(t, r.Speakers[b].BGPD.Freeze())
	r.becomes("bgpd was stopped", now)
	if _, err := r.Speakers[b].Ask("show version"); err == nil {
		t.Error("a bgpd that was stopped answers")
	}
	must(t, r.Speakers[b].BGPD.Thaw())
	must(t, r.Speakers[a].BGPD.Start())
	r.ready(a, b)
	r.becomes("bgpd was thawed, and another started, which knows of no statement", now, b)
	must(t, b.Eth0.Cut())
	r.becomes("the node's end of the link was cut", now)
}
