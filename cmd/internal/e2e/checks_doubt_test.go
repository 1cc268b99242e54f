package e2e

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// A sick owner does not hand over to a node that is well and cannot hold, time and again.
func TestCheckHealthyNodeBehindABrokenFence(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP, fence("nftables"))
	old := s.owner()
	unfenced, drained := s.others(old)[0], s.others(old)[1]
	s.perch(old, "drain", drained.Name)
	giveBack := s.seize(unfenced)
	s.saysUnfenced(old, unfenced)
	term := s.status(old).Cluster.Term
	s.must(stop(s.services[old]))
	s.checkIs(old, api.CheckFailed, "connection refused")
	s.never("leadership changes hands for nothing", 4*time.Second, func() bool { return s.status(old).Cluster.Term != term })
	if !s.holdsAll(old) {
		t.Errorf("%s has let go, and nobody else can hold", old.Name)
	}
	giveBack()
	s.leaves(old)
}

// What to do when no node is well can be changed while it is done.
func TestCheckReloadInTheDark(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP)
	s.set(`when_unhealthy = "release"`)
	s.begin()
	leader := s.breakAll()
	dark := func() bool { return len(s.holders()) == 0 }
	s.eventually("no node has the VIP", dark)
	setKey(t, leader, `when_unhealthy = "keep"`)
	s.perch(leader, "reload")
	s.eventually("the sick leader has the VIP", func() bool { return s.holdsAll(leader) })
	setKey(t, leader, `when_unhealthy = "release"`)
	s.perch(leader, "reload")
	s.eventually("no node has the VIP again", dark)
	setKey(t, leader, `track = []`)
	s.perch(leader, "reload")
	s.eventually("the leader depends on nothing any more", func() bool { return s.holdsAll(leader) })
}

// A node that is stopped hands over even where all others are sick.
func TestCheckStoppedOwnerOfSickPeers(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP)
	old := s.owner()
	for _, n := range s.others(old) {
		s.must(stop(s.services[n]))
		s.checkIs(n, api.CheckFailed, "connection refused")
		s.healthIs(n, api.HealthSick)
	}
	s.terminate(old)
	next := s.movedFrom(old)
	s.never("two sick nodes pass the VIP on", 3*time.Second, func() bool { return !s.holdsAll(next) })
}
