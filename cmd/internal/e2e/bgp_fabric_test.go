package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// routed is a cluster whose nodes share no segment: they tell a router by BGP where the
// VIPs are, and its routing table is the judge. Its client is behind the router.
type routed struct {
	*cluster
	fabric *lab.Fabric
	routes *lab.Routes
}

// bgp is the usual section of the config.
var bgp = fmt.Sprintf("\n[bgp]\nasn = %d\n", lab.NodeASN)

// steadily has owners that no busy machine parts from the others, for cases in which none
// fails.
var steadily = failover("wan")

// startRouted starts BGP on a fabric of three nodes, then a cluster, and waits until the
// router has its ways to the VIPs.
func startRouted(t *testing.T, opts ...option) *routed {
	t.Helper()
	r := prepareRouted(t, opts...)
	r.start()
	return r
}

// start starts BGP, then the cluster, and waits until the router has its ways to the VIPs.
func (r *routed) start() {
	r.t.Helper()
	r.must(r.fabric.Start())
	r.ready(r.fabric.Nodes...)
	r.must(r.StartAll())
	r.routedTo(r.settled())
}

// prepareRouted writes the files of a routed cluster and starts nothing.
func prepareRouted(t *testing.T, opts ...option) *routed {
	t.Helper()
	lab.NeedBGP(t)
	dir := tempDir(t)
	l, err := lab.New()
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	f, err := lab.NewFabric(l, filepath.Join(dir, "bgp"), 3)
	must(t, err)
	opts = append([]option{vips("lo", "192.0.2.100/32", "2001:db8:ff::100/128")}, opts...)
	r := &routed{fabric: f}
	r.cluster = newClusterOn(t, &network{Lab: l, client: f.Client, dir: dir}, f.Nodes, opts...)
	for _, n := range r.Nodes {
		addTables(t, n, bgp)
	}
	r.routes, err = f.Router.WatchRoutes(r.prefixes()...)
	must(t, err)
	t.Cleanup(r.end)
	return r
}

// end keeps the nodes from writing files that are about to be removed, or says all there is
// to know about a case that failed.
func (r *routed) end() {
	if r.t.Failed() {
		r.explainRoutes()
		return
	}
	for _, n := range r.Nodes {
		if n.Running() {
			r.must(n.Kill())
		}
	}
}

// prefixes returns the VIPs as they are routed.
func (r *routed) prefixes() []netip.Prefix {
	var prefixes []netip.Prefix
	for _, vip := range r.Spec.VIPs {
		prefixes = append(prefixes, vip.Address)
	}
	return prefixes
}

func (r *routed) explainRoutes() {
	for _, p := range r.prefixes() {
		r.t.Logf("ways to %s: %s", p, r.routes.Since(p, time.Time{}))
	}
	for _, h := range r.fabric.Nodes {
		statements, err := r.fabric.Speakers[h].Networks()
		r.t.Logf("bgpd of %s announces %v (%v)\n%s", h.Name, statements, err, r.fabric.Speakers[h].BGPD.LogTail(10))
	}
}

func (r *routed) speaker(n *lab.Node) *lab.Speaker { return r.fabric.Speakers[n.Host] }

// ready waits until the router hears the nodes' speakers.
func (r *routed) ready(nodes ...*lab.Host) {
	r.t.Helper()
	for _, n := range nodes {
		r.eventually(n.Name+" speaks to the router", func() bool {
			ready, err := r.fabric.Ready(n)
			return err == nil && ready
		})
	}
}

// routedTo waits until the router's ways to each VIP are by these nodes and no others.
func (r *routed) routedTo(nodes ...*lab.Node) {
	r.t.Helper()
	for _, p := range r.prefixes() {
		r.eventually(fmt.Sprintf("the router's ways to %s are by %s", p, nodeNames(nodes)), func() bool {
			via, err := r.fabric.Router.Via(p)
			r.must(err)
			noted := r.routes.Since(p, time.Now()).Ways[0].Via // by a watch that may lag behind
			return slices.Equal(via, hostsOf(nodes)) && slices.Equal(noted, via)
		})
	}
}

// announcedBy waits until the router has heard of each VIP from these nodes and no others,
// be it better or worse ways.
func (r *routed) announcedBy(nodes ...*lab.Node) {
	r.t.Helper()
	for _, p := range r.prefixes() {
		r.eventually(fmt.Sprintf("%s is announced by %s alone", p, nodeNames(nodes)), func() bool {
			from, err := r.fabric.Speakers[r.fabric.Router].From(p)
			r.must(err)
			return slices.Equal(from, hostsOf(nodes))
		})
	}
}

// settle makes the routes of an owner make way for those of another one, as perch does
// itself when it has owned for some seconds.
func (r *routed) settle(owner *lab.Node) {
	r.t.Helper()
	r.must(settle(r.speaker(owner), r.prefixes()...))
	if !r.isSettled(owner) {
		r.t.Errorf("the routes of %s were not settled by hand", owner.Name)
	}
}

func settle(s *lab.Speaker, prefixes ...netip.Prefix) error {
	commands := []string{"configure terminal", "route-map perch-settled permit 10", "set origin incomplete", "exit", fmt.Sprintf("router bgp %d", lab.NodeASN)}
	for _, p := range prefixes {
		family := "ipv4"
		if p.Addr().Is6() {
			family = "ipv6"
		}
		commands = append(commands, "address-family "+family+" unicast", fmt.Sprintf("network %s route-map perch-settled", p), "exit-address-family")
	}
	_, err := s.Ask(commands...)
	return err
}

// isSettled returns whether the node's routes to all VIPs make way for others.
func (r *routed) isSettled(n *lab.Node) bool {
	r.t.Helper()
	config, err := r.speaker(n).Ask("write terminal")
	r.must(err)
	return strings.Count(config, " route-map perch-settled\n") == len(r.prefixes())
}

// neverBroken wants the router to have had a way to each VIP at each moment since.
func (r *routed) neverBroken(since time.Time) {
	r.t.Helper()
	for _, p := range r.prefixes() {
		if passage := r.routes.Since(p, since); passage.Broken() {
			r.t.Errorf("the router had no way to %s for %s: %s", p, passage.Without(), passage)
		}
	}
}

// tell logs how the ways changed.
func (r *routed) tell(what string, since time.Time) {
	r.t.Helper()
	for _, p := range r.prefixes() {
		r.t.Logf("%s, %s: %s", what, p, r.routes.Since(p, since))
	}
}

// neverShared wants the router to have had at most one way to each VIP at each moment since.
func (r *routed) neverShared(since time.Time) {
	r.t.Helper()
	if r.shared(since) {
		r.tell("the router spread what is for a VIP", since)
		r.t.Fail()
	}
}

// shared returns whether the router has had several ways to a VIP.
func (r *routed) shared(since time.Time) bool {
	return slices.ContainsFunc(r.prefixes(), func(p netip.Prefix) bool { return r.routes.Since(p, since).Shared() > 0 })
}

// movedFrom waits until another node than old owns the VIPs and is the only one by which
// the router reaches them, and returns it.
func (r *routed) movedFrom(old *lab.Node) (owner *lab.Node) {
	r.t.Helper()
	r.eventually("another node than "+old.Name+" owns the VIPs", func() bool {
		owner = r.owner()
		return owner != old
	})
	r.routedTo(owner)
	r.announcedBy(owner)
	return owner
}

// handOver does a planned move of the VIPs from old and returns the new owner. It must
// have been a hand-over, for that reason.
func (r *routed) handOver(old *lab.Node, reason string, move func()) (next *lab.Node) {
	r.t.Helper()
	term := r.status(old).Cluster.Term
	move()
	next = r.movedFrom(old)
	r.wasHandedOver(old, next, reason, term)
	return next
}

func hostsOf(nodes []*lab.Node) []*lab.Host {
	var hosts []*lab.Host
	for _, n := range nodes {
		hosts = append(hosts, n.Host)
	}
	return hosts
}

func nodeNames(nodes []*lab.Node) string {
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return "[" + strings.Join(names, " ") + "]"
}
