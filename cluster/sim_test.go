package cluster

import (
	"flag"
	"fmt"
	"log/slog"
	mathrand "math/rand"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

var (
	schedules = flag.Int("schedules", 30, "how many random schedules of faults the simulation runs")
	firstSeed = flag.Uint64("seed", 0, "the seed of the first schedule; the next ones follow")
	simLog    = flag.Bool("simlog", false, "show the trace of every schedule, and write the library's log to standard error")
)

// simulation is one schedule.
type simulation struct {
	t       *testing.T
	random  *rand.Rand
	net     *simNet
	start   time.Time
	nodes   []*simNode
	faults  []fault
	steps   int           // how many of them happen
	longest time.Duration // between two of them
	mixed   bool          // heartbeats differ
	lingers bool          // some machines answer for longer than their leases
	all     []Peer        // where the membership changes: those that are or may be members
	marks   int

	mu       sync.Mutex // guards what follows
	trace    strings.Builder
	overlaps int
	acked    []acked
}

// acked is a mark that the cluster acknowledged, in this term or an older one.
type acked struct {
	mark string
	term uint64
}

func (s *simulation) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.trace, "%10s ", time.Since(s.start))
	fmt.Fprintf(&s.trace, format+"\n", args...)
}

func newSimulation(t *testing.T, seed uint64, size int) *simulation {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &simulation{t: t, random: random, net: newSimNet(rand.New(rand.NewPCG(seed, 1))), start: time.Now(), faults: faults, steps: 30, longest: 300 * ms}
	var peers []Peer
	for i := range size {
		name := fmt.Sprint("lb", i+1)
		peers = append(peers, Peer{Name: name, Address: simAddress(name), Priority: 100 + 50*random.IntN(2)})
	}
	s.mixed = random.IntN(4) == 0
	for _, p := range peers {
		n := &simNode{
			sim:    s,
			rate:   s.clockRate(),
			disk:   newMemory(),
			wanted: true,
			cfg:    Config{Name: "sim", Node: p.Name, Peers: peers, Heartbeat: 100 * ms, Log: slog.New(slog.DiscardHandler)},
		}
		if s.mixed {
			n.cfg.Heartbeat = []time.Duration{60 * ms, 100 * ms, 300 * ms}[random.IntN(3)]
		}
		n.cfg.Release = n.release
		s.nodes = append(s.nodes, n)
	}
	return s
}

// Clocks run at rates that differ by 5 %, often by all of it.
const slowest, fastest = 0.975, 1.025

func (s *simulation) clockRate() float64 {
	if s.random.IntN(4) == 0 {
		return slowest + (fastest-slowest)*s.random.Float64()
	}
	return []float64{slowest, fastest}[s.random.IntN(2)]
}

// compare looks for a second holder while n.mu is held by the first.
func (s *simulation) compare(n *simNode) {
	for _, other := range s.nodes {
		if other == n {
			continue
		}
		other.mu.Lock()
		until, term := other.until, other.term
		other.mu.Unlock()
		if until.After(time.Now()) {
			s.note("TWO HOLDERS: %s in term %d, and %s in term %d for another %s", n.cfg.Node, n.term, other.cfg.Node, term, time.Until(until))
			s.mu.Lock()
			s.overlaps++
			s.mu.Unlock()
		}
	}
}

func (s *simulation) acknowledge(mark string, by *raft.Raft) {
	if by == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = append(s.acked, acked{mark, by.CurrentTerm()})
}

func (s *simulation) acknowledged() []acked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acked)
}

// recalled checks that an owner knows what the cluster acknowledged up to its term.
func (s *simulation) recalled(run *simRun, term uint64, acked []acked) {
	known := run.State()
	for _, a := range acked {
		if a.term <= term && !known.IsDrained(a.mark) {
			s.note("LOST: %s was acknowledged in term %d, and the owner in term %d does not know it", a.mark, a.term, term)
			s.t.Errorf("%s was acknowledged, and an owner does not know it", a.mark)
		}
	}
}

// leader returns the owner, unless nobody can talk to it.
func (s *simulation) leader() *simNode {
	for _, n := range s.nodes {
		if n.run != nil && !n.frozen && n.run.Ownership().Until > 0 {
			return n
		}
	}
	return nil
}

// settle heals everything and wants one owner that has forgotten nothing, and those as
// members that are meant to be.
func (s *simulation) settle() {
	s.heal()
	s.net.change(func() { s.net.slow, s.net.often = 5*ms, 20 })
	for _, n := range s.nodes {
		if n.run == nil {
			n.boot()
		}
	}
	s.owned()
	if s.all != nil && !s.t.Failed() {
		s.asWanted()
		s.owned()
	}
}

// owned wants one owner within the limit that has forgotten nothing.
func (s *simulation) owned() {
	limit := s.limit()
	healed := time.Now()
	var owner *simNode
	for owner == nil && time.Since(healed) < limit {
		time.Sleep(20 * ms)
		owner = s.leader()
	}
	if owner == nil {
		s.t.Errorf("no owner %s after all was healed", limit)
		return
	}
	s.note("healed: %s owns after %s", owner.cfg.Node, time.Since(healed))
	time.Sleep(time.Second)
	if owner = s.leader(); owner != nil {
		s.recalled(owner.run, owner.run.Ownership().Term, s.acknowledged())
	}
}

// limit is for how long nobody may own after all is healed. A hostile library deposes
// leaders faster than the longest grant ends that bars them, of which four nodes bear no
// more than one, and than what lingers is gone: then they need more luck.
func (s *simulation) limit() time.Duration {
	if modules != ownModules && (s.lingers || s.all != nil && s.mixed) {
		return time.Minute
	}
	return 5 * time.Second
}

func (s *simulation) end() {
	for _, n := range s.nodes {
		n.kill()
	}
	if s.overlaps > 0 {
		s.t.Errorf("two holders, seen %d times", s.overlaps)
	}
}

// showLog shows what the library says.
func (s *simulation) showLog() {
	for _, n := range s.nodes {
		n.cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", n.cfg.Node)
	}
}

// Random schedules of crashes, freezes, cuts, slow messages, slow disks, hand-overs,
// clocks that run at different rates, and in some of them changes of the membership.
func TestSimulation(t *testing.T) {
	for i := range *schedules {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			//lint:ignore SA1019 the library draws its timeouts there
			mathrand.Seed(int64(seed))
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

// linger makes it one in which machines may answer for a while after their lease.
func (s *simulation) linger() {
	s.lingers = true
	for _, n := range s.nodes {
		n.cfg.Linger = []time.Duration{0, 200 * ms, 700 * ms}[s.random.IntN(3)]
	}
}

func simulate(t *testing.T, seed uint64) {
	s := newSimulation(t, seed, 3)
	switch {
	case seed%4 == 3:
		s = newSimulation(t, seed, 5)
		s.grows()
	case s.random.IntN(6) == 0:
		s = newSimulation(t, seed, 5)
	}
	if seed%8 == 7 || seed%8 == 0 {
		s.linger()
	}
	if *simLog {
		s.showLog()
	}
	for _, n := range s.nodes {
		if n.wanted {
			n.boot()
		}
	}
	time.Sleep(500 * ms)
	for range s.steps {
		s.step()
		s.pause()
	}
	s.settle()
	s.end()
	if t.Failed() || *simLog {
		t.Logf("seed %d\n%s", seed, s.trace.String())
	}
}
