package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// breakAll stops the web server of every node, that of the owner last, and returns that.
func (s *served) breakAll() (owner *lab.Node) {
	s.t.Helper()
	owner = s.owner()
	for _, n := range append(s.others(owner), owner) {
		s.must(stop(s.services[n]))
		s.checkIs(n, api.CheckFailed, "connection refused")
	}
	return owner
}

// While no node is well the VIP stays where it is, unless the config says otherwise.
func TestCheckAllSickKeeps(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP)
	old := s.breakAll()
	s.never("the VIP leaves although no node is better", 2*time.Second, func() bool { return !s.holdsAll(old) })
	well := s.others(old)[0]
	s.must(s.services[well].Start())
	s.eventually("the VIP goes to the one that is well", func() bool { return s.holdsAll(well) && !s.holdsAny(old) })
	s.servedBy(well)
}

func TestCheckAllSickReleases(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP)
	s.set(`when_unhealthy = "release"`)
	s.begin()
	s.breakAll()
	s.eventually("no node has the VIP", func() bool { return len(s.holders()) == 0 })
	s.never("a sick node takes the VIP", 2*time.Second, func() bool { return len(s.holders()) > 0 })
	well := s.Nodes[0]
	s.must(s.services[well].Start())
	s.eventually("the VIP comes back with the first that is well", func() bool { return s.holdsAll(well) })
	s.servedBy(well)
}

// holdDown is how long a node that was left because it was sick is held down at first, and
// what a busy machine adds to it.
const holdDown = 10*time.Second + patience

// The best node gets the VIP back, but not while it is sick, nor while it is held down.
func TestCheckSickNodeIsNotPreemptedTo(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP, priorities(map[string]int{"lb1": 200}))
	s.set(`preempt_delay = "1s"`)
	s.begin()
	best := s.Node("lb1")
	s.eventually("the best node owns", func() bool { return s.holdsAll(best) })
	s.must(stop(s.services[best]))
	s.leaves(best)
	s.never("the VIP goes back to a sick node", 4*time.Second, func() bool { return s.holdsAny(best) })
	s.must(s.services[best].Start())
	s.healthIs(best, api.HealthHealthy)
	for deadline := time.Now().Add(holdDown); !s.holdsAll(best); time.Sleep(byLooking) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s the VIP is not back at the best node, which is well", holdDown)
		}
	}
	s.servedBy(best)
}

// A node that is sick from the start does not get the VIP for its priority before it is
// well.
func TestCheckSickNodeIsNotPreferred(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP, priorities(map[string]int{"lb1": 200}))
	s.set(`preempt_delay = "1s"`)
	best := s.Node("lb1")
	s.must(stop(s.services[best]))
	s.must(s.StartAll())
	s.ask()
	s.eventually("another node owns", func() bool { return !s.holdsAny(best) && len(s.holders()) == 1 })
	s.healthIs(best, api.HealthSick)
	s.never("the VIP goes to a sick node", 3*time.Second, func() bool { return s.holdsAny(best) })
	s.must(s.services[best].Start())
	for deadline := time.Now().Add(holdDown); !s.holdsAll(best); time.Sleep(byLooking) {
		if time.Now().After(deadline) { // it may have been the first owner, and be held down
			t.Fatalf("after %s the VIP is not at the best node, which is well", holdDown)
		}
	}
	s.servedBy(best)
}

// maxMoves is how often a VIP moves within an hour because of a check that flaps.
const maxMoves = 4

// A check that flaps moves the VIP a few times and no more, and the status says until
// when its node is held down.
func TestCheckFlapping(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP, priorities(map[string]int{"lb1": 200}))
	s.set(`preempt_delay = "1s"`)
	s.begin()
	best := s.Node("lb1")
	s.eventually("the best node owns", func() bool { return s.holdsAll(best) })
	before := s.moves()
	shown := false
	for range 6 {
		s.must(s.services[best].Become(lab.Manner{Status: 503}))
		s.checkIs(best, api.CheckFailed, "status 503")
		owner := s.movedFrom(best) // if it was there
		s.must(s.services[best].Become(lab.Manner{}))
		s.checkIs(best, api.CheckHealthy, "")
		if until := s.seenBy(owner, best).HeldDown; until.After(time.Now()) {
			shown = true
		}
		time.Sleep(2 * time.Second) // well for long enough to be preferred again
	}
	if n := s.moves() - before; n < 1 || n > maxMoves {
		t.Errorf("the VIP moved %d times, want 1 to %d", n, maxMoves)
	}
	if !shown {
		t.Errorf("the status never said that %s is held down", best.Name)
	}
}

// moves counts those that the cluster remembers.
func (s *served) moves() int {
	s.t.Helper()
	ctx, cancel := s.limit()
	defer cancel()
	moves, err := s.owner().History(ctx)
	s.must(err)
	return len(moves)
}

// Whoever wins the election after the owner's death: the VIP ends up with the healthy one.
func TestCheckSickNodeWinsElection(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP)
	old := s.owner()
	sick, well := s.others(old)[0], s.others(old)[1]
	s.must(stop(s.services[sick]))
	s.checkIs(sick, api.CheckFailed, "connection refused")
	s.healthIs(sick, api.HealthSick)
	// The sick one is the first to miss the owner, and the other grants it its vote.
	s.freeze(well)
	begin := time.Now()
	s.must(old.Kill())
	s.eventuallySays("the sick node misses the owner", func() bool {
		return s.status(sick).Cluster.Leader == ""
	})
	s.thaw(well)
	s.eventually("the healthy node owns", func() bool { return s.holdsAll(well) && !s.holdsAny(sick) })
	s.servedBy(well)
	s.outage("a sick node that may win", begin)
	ctx, cancel := s.limit()
	defer cancel()
	history, err := well.History(ctx)
	s.must(err)
	for _, m := range history[max(0, len(history)-3):] {
		t.Logf("%s to %s in term %d: %s", m.From, m.To, m.Term, m.Reason)
	}
}

// What is not known yet is no reason to take the VIP, and none to leave it.
func TestCheckWithoutVerdict(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, func(n *lab.Node, service *lab.Service) []string {
		lines := byHTTP(n, service)
		if n.Name != "lb1" {
			lines = append(lines, `warmup = "1h"`)
		}
		return lines
	}, priorities(map[string]int{"lb1": 200}))
	s.set(`preempt_delay = "1s"`)
	s.must(s.StartAll())
	first := s.Node("lb1")
	s.eventually("the best node owns", func() bool { return s.holdsAll(first) })
	for _, n := range s.others(first) {
		s.healthIs(n, api.HealthUnknown)
	}
	s.ask()
	s.must(stop(s.services[first]))
	s.healthIs(first, api.HealthSick)
	s.never("the VIP goes to a node of which nothing is known", 2*time.Second, func() bool { return !s.holdsAll(first) })
	s.must(s.services[first].Start())
	s.servedBy(first)

	s.terminate(first)
	owner := s.movedFrom(first) // whoever is there is better than nobody
	s.servedBy(owner)
	s.never("the VIP leaves a node of which nothing is known", time.Second, func() bool { return !s.holdsAll(owner) })
}

// A node that gives up the VIP gives it to the healthy one of higher priority. By the
// profile wan a busy machine keeps none of them out of contact.
func TestCheckBestHealthyNode(t *testing.T) {
	t.Parallel()
	s := serve(t, lab.NewHAProxy, byHTTP, failover("wan"), priorities(map[string]int{"lb1": 50, "lb2": 150, "lb3": 200}))
	first := s.owner()
	others := s.others(first)
	slices.SortFunc(others, func(a, b *lab.Node) int { return s.Spec.Priority[b.Name] - s.Spec.Priority[a.Name] })
	owner := first
	for _, next := range others {
		s.eventuallySays(next.Name+" would be next", func() bool {
			return strings.Contains(s.seenBy(owner, next).Why, "would be next")
		})
		s.must(stop(s.services[owner]))
		if now := s.leaves(owner); now != next {
			t.Fatalf("the VIP went to %s, want %s, the best healthy one", now.Name, next.Name)
		}
		owner = next
	}
}

// A check with a weight makes its node worse, not sick.
func TestCheckWeightPreempts(t *testing.T) {
	t.Parallel()
	s := prepareServed(t, lab.NewHAProxy, byHTTP, priorities(map[string]int{"lb1": 200, "lb2": 180, "lb3": 50}))
	s.set(`preempt_delay = "1s"`)
	flag := func(n *lab.Node) string { return filepath.Join(n.Dir, "flag") }
	for _, n := range s.Nodes {
		s.must(os.WriteFile(flag(n), nil, 0o600))
		addTables(t, n, check("flag", `kind = "file"`, fmt.Sprintf("target = %q", flag(n))))
	}
	s.set(`track = ["web", {check = "flag", weight = -100}]`)
	s.begin()
	first, second := s.Node("lb1"), s.Node("lb2")
	s.eventually("the best node owns", func() bool { return s.holdsAll(first) })
	s.must(os.Remove(flag(first)))
	s.eventually("the next best owns", func() bool { return s.holdsAll(second) && !s.holdsAny(first) })
	s.eventuallySays("the status has what is left of the priority", func() bool {
		seen := s.seenBy(second, first)
		return seen.Health == api.HealthHealthy && seen.EffectivePriority == 100 && seen.Priority == 200
	})
	s.must(os.WriteFile(flag(first), nil, 0o600))
	s.eventually("the best node owns again", func() bool { return s.holdsAll(first) && !s.holdsAny(second) })
}
