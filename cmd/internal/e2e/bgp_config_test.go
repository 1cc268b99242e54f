package e2e

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// With a check of bgpd's neighbours a node that nobody can be told about is sick, and the
// VIPs leave it.
func TestBGPCheckMovesTheVIPs(t *testing.T) {
	t.Parallel()
	r := prepareRouted(t)
	for _, n := range r.Nodes {
		addTables(t, n, check("router", `kind = "bgp"`))
	}
	r.set(`track = ["router"]`)
	r.must(r.fabric.Start())
	r.ready(r.fabric.Nodes...)
	r.must(r.StartAll())
	old := r.settled()
	r.routedTo(old)
	for _, n := range r.Nodes {
		r.checkNeverFailed(n)
	}
	p, now := r.ping(), time.Now()
	r.must(r.speaker(old).BGPD.Kill())
	next := r.movedFrom(old)
	r.tell("bgpd killed", now)
	p.outageAtMost(brief)
	if got := r.lastClaim(next); got.Cause != "health" {
		t.Errorf("the VIPs went from %s to %s because: %s; want because of its check", got.From, got.To, got.Reason)
	}
	r.must(r.speaker(old).BGPD.Start())
	r.ready(old.Host)
	r.stillOwnedBy(next)
	r.routedTo(next)
}

// checkNeverFailed wants the first look at a session that was up before the node started to
// have been a good one: it waits for bgpd's first word.
func (r *routed) checkNeverFailed(n *lab.Node) {
	r.t.Helper()
	r.eventually("the check of "+n.Name+" has looked", func() bool {
		checks := r.status(n).Checks
		return len(checks) == 1 && checks[0].Looks > 0
	})
	if c := r.status(n).Checks[0]; c.Failures > 0 {
		r.t.Errorf("%s has begun with %d bad looks of %d: %s", n.Name, c.Failures, c.Looks, c.Error)
	}
}

// A reload announces what is new and withdraws what is gone; the rest stays.
func TestBGPReload(t *testing.T) {
	t.Parallel()
	r := startRouted(t, steadily)
	owner := r.settled()
	before := r.networks(owner)
	added := lab.VIP{Address: netip.MustParsePrefix("192.0.2.101/32"), Interface: "lo"}
	reload := func(vips ...lab.VIP) {
		for _, n := range r.Nodes {
			r.must(n.WriteConfig(vips...))
			addTables(t, n, bgp)
			r.perch(n, "reload")
		}
	}
	now := time.Now()
	reload(append(slices.Clone(r.Spec.VIPs), added)...)
	r.eventually("the router has a way to the new VIP", func() bool {
		via, err := r.fabric.Router.Via(added.Address)
		r.must(err)
		return slices.Equal(via, []*lab.Host{owner.Host})
	})
	reload(r.Spec.VIPs...)
	r.eventually("the VIP that is gone is withdrawn", func() bool { return slices.Equal(r.networks(owner), before) })
	r.neverBroken(now)
	r.routedTo(owner)
}
