package cluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cluster/state"
)

var (
	schedules = flag.Int("schedules", 30, "how many random schedules of faults the simulation runs")
	firstSeed = flag.Uint64("seed", 0, "the seed of the first schedule; the next ones follow")
	simLog    = flag.Bool("simlog", false, "show the trace of every schedule, and write the library's log to standard error")
)

// memory is a node's disk in memory. It survives the node's runs.
type memory struct {
	*raft.InmemStore
	*raft.InmemSnapshotStore
	stall atomic.Int64 // how long the next write of the log takes, ns

	mu    sync.Mutex
	notes map[string][]byte
}

func (m *memory) note(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notes[key], nil
}

func (m *memory) setNote(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes[key] = value
	return nil
}

func newMemory() *memory {
	return &memory{InmemStore: raft.NewInmemStore(), InmemSnapshotStore: raft.NewInmemSnapshotStore(), notes: map[string][]byte{keyBirth: []byte(newBirth())}}
}

func (m *memory) StoreLog(entry *raft.Log) error { return m.StoreLogs([]*raft.Log{entry}) }

func (m *memory) StoreLogs(entries []*raft.Log) error {
	time.Sleep(time.Duration(m.stall.Swap(0)))
	return m.InmemStore.StoreLogs(entries)
}

func (m *memory) peek(index uint64, entry *raft.Log) error { return m.GetLog(index, entry) }

func (*memory) begin()              {}
func (*memory) lastTrouble() string { return "" }
func (*memory) Close() error        { return nil }

// simNode is one machine: its disk and clock, and the run of perch on it, if any.
type simNode struct {
	sim  *simulation
	cfg  Config
	rate float64 // of its clock
	disk *memory

	run    *simRun
	frozen bool

	mu    sync.Mutex // guards what follows
	until time.Time  // the machine answers for the VIPs until then, dead or alive
	term  uint64
	holds bool // as the trace was told
}

// simRun is one life of perch on a machine.
type simRun struct {
	*Node
	port   *simPort
	cancel context.CancelFunc
	done   chan error
	busy   sync.WaitGroup // its operator's commands
	dead   bool           // guarded by simNode.mu: it releases nothing any more
}

// simulation is one schedule.
type simulation struct {
	t      *testing.T
	random *rand.Rand
	net    *simNet
	start  time.Time
	nodes  []*simNode

	mu       sync.Mutex // guards what follows
	trace    strings.Builder
	overlaps int
	acked    []string // drained marks that the cluster acknowledged
	marks    int
}

func (s *simulation) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.trace, "%10s ", time.Since(s.start))
	fmt.Fprintf(&s.trace, format+"\n", args...)
}

func newSimulation(t *testing.T, seed uint64, size int) *simulation {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &simulation{t: t, random: random, net: newSimNet(rand.New(rand.NewPCG(seed, 1))), start: time.Now()}
	var peers []Peer
	for i := range size {
		name := fmt.Sprint("lb", i+1)
		peers = append(peers, Peer{Name: name, Address: simAddress(name), Priority: 100})
	}
	heartbeats := []time.Duration{100 * ms, 100 * ms, 100 * ms, 100 * ms, 100 * ms}
	if random.IntN(4) == 0 { // mixed
		for i := range heartbeats {
			heartbeats[i] = []time.Duration{60 * ms, 100 * ms, 300 * ms}[random.IntN(3)]
		}
	}
	for i, p := range peers {
		n := &simNode{
			sim:  s,
			rate: 0.975 + 0.05*random.Float64(),
			disk: newMemory(),
			cfg:  Config{Name: "sim", Node: p.Name, Peers: peers, Heartbeat: heartbeats[i], Log: slog.New(slog.DiscardHandler)},
		}
		n.cfg.Release = n.release
		s.nodes = append(s.nodes, n)
	}
	return s
}

// clock is the node's boot clock.
func (n *simNode) clock() time.Duration {
	return time.Hour + time.Duration(float64(time.Since(n.sim.start))*n.rate)
}

// at converts a reading of the node's clock to the time of the simulation.
func (n *simNode) at(reading time.Duration) time.Time {
	return n.sim.start.Add(time.Duration(float64(reading-time.Hour) / n.rate))
}

func (n *simNode) boot() {
	ctx, cancel := context.WithCancel(context.Background())
	self, _ := n.cfg.peer(n.cfg.Node)
	run := &simRun{Node: newNode(n.cfg, self), port: n.sim.net.open(n.cfg), cancel: cancel, done: make(chan error, 1)}
	run.store, run.now, run.birth = n.disk, n.clock, string(n.disk.notes[keyBirth])
	run.ask = n.asks
	run.beQuiet(n.cfg.grantLength())
	n.mu.Lock()
	n.run, n.until, n.holds = run, time.Time{}, false // a new run closes what a dead one left open
	n.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return run.runRaft(ctx, g, run.port) })
	g.Go(func() error { n.hold(ctx, run); return nil })
	go func() { run.done <- g.Wait() }()
	n.sim.note("%s boots, H = %s, clock at %.3f", n.cfg.Node, n.cfg.Heartbeat, n.rate)
}

// asks puts a question to another machine.
func (n *simNode) asks(ctx context.Context, peer string, q question) (answer, error) {
	net := n.sim.net
	for _, other := range n.sim.nodes {
		if other.cfg.Node != peer {
			continue
		}
		time.Sleep(net.delay())
		other.mu.Lock()
		run := other.run
		other.mu.Unlock()
		if run == nil || net.stops(n.cfg.Node, peer) {
			return answer{}, errNoRoute
		}
		a := run.hear(ctx, n.cfg.Node, q)
		time.Sleep(net.delay())
		if net.stops(peer, n.cfg.Node) {
			return answer{}, errNoRoute
		}
		return a, nil
	}
	return answer{}, errNoRoute
}

// hold does what the daemon does: it follows ownership.
func (n *simNode) hold(ctx context.Context, run *simRun) {
	for ctx.Err() == nil {
		own := n.evaluate(run)
		wait := 20 * ms
		if left := own.Until - run.now(); own.Until > 0 {
			wait = max(min(wait, left), 100*time.Microsecond)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-run.Changed():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (n *simNode) evaluate(run *simRun) Ownership {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := run.Ownership()
	if run.dead {
		return own
	}
	until := time.Time{}
	if own.Leads(run.now()) {
		until = n.at(own.Until)
	}
	n.until, n.term = until, own.Term
	if now := !until.IsZero(); now != n.holds {
		n.holds = now
		n.sim.note("%s holds: %t (term %d)", n.cfg.Node, now, own.Term)
	}
	if !until.IsZero() {
		n.sim.compare(n)
	}
	return own
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

func (n *simNode) release() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run.dead {
		return errors.New("dead")
	}
	if n.until.After(time.Now()) {
		n.sim.note("%s releases", n.cfg.Node)
	}
	n.until, n.holds = time.Time{}, false
	return nil
}

// kill ends the run at once. The machine goes on answering until its lease ends.
func (n *simNode) kill() {
	if n.run == nil {
		return
	}
	n.mu.Lock()
	n.run.dead = true
	n.mu.Unlock()
	n.sim.note("%s is killed", n.cfg.Node)
	n.run.port.die()
	n.run.busy.Wait() // nobody hears of it: the library leaves a hand-over unanswered that it ends in
	n.run.cancel()
	if err := <-n.run.done; err != nil {
		n.sim.t.Error(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.run = nil
}

func (s *simulation) freeze(n *simNode, frozen bool) {
	n.frozen = frozen
	s.note("%s frozen: %t", n.cfg.Node, frozen)
	s.net.change(func() { s.net.frozen[n.cfg.Node] = frozen })
}

func (s *simulation) cut(from, to *simNode, cut bool) {
	s.note("%s to %s cut: %t", from.cfg.Node, to.cfg.Node, cut)
	s.net.change(func() { s.net.cut[[2]string{from.cfg.Node, to.cfg.Node}] = cut })
}

func (s *simulation) heal() {
	s.note("all links healed")
	s.net.change(func() { clear(s.net.cut) })
	for _, n := range s.nodes {
		if n.frozen {
			s.freeze(n, false)
		}
	}
}

func (s *simulation) pick() *simNode { return s.nodes[s.random.IntN(len(s.nodes))] }

func (s *simulation) leader() *simNode {
	for _, n := range s.nodes {
		if n.run != nil && !n.frozen && n.run.Ownership().Until > 0 {
			return n
		}
	}
	return nil
}

// step does one random thing.
func (s *simulation) step() {
	switch s.random.IntN(12) {
	case 0:
		s.pick().kill()
	case 1, 2:
		for _, n := range s.nodes {
			if n.run == nil {
				n.boot()
				break
			}
		}
	case 3:
		n := s.pick()
		s.freeze(n, !n.frozen)
	case 4, 5:
		s.cut(s.pick(), s.pick(), true)
	case 6: // whole node
		n := s.pick()
		both := s.random.IntN(2) == 0
		for _, other := range s.nodes {
			s.cut(n, other, true)
			if both {
				s.cut(other, n, true)
			}
		}
	case 7:
		s.heal()
	case 8, 9:
		if n := s.leader(); n != nil {
			run, to := n.run, ""
			if s.random.IntN(2) == 0 {
				to = s.pick().cfg.Node
			}
			s.note("%s hands over to %q", n.cfg.Node, to)
			run.busy.Go(func() {
				won, err := run.Transfer(to, "asked for")
				s.note("%s handed over to %s: %v", n.cfg.Node, won, err)
			})
		}
	case 10:
		if n := s.leader(); n != nil {
			s.mu.Lock()
			s.marks++
			mark := fmt.Sprint("mark", s.marks)
			s.mu.Unlock()
			run := n.run
			run.busy.Go(func() {
				if run.SetDrained(state.Drain{Node: mark, Drained: true}) == nil {
					s.mu.Lock()
					s.acked = append(s.acked, mark)
					s.mu.Unlock()
				}
			})
		}
	case 11:
		slow := []time.Duration{5 * ms, 50 * ms, 150 * ms}[s.random.IntN(3)]
		s.note("messages take up to %s", slow)
		s.net.change(func() { s.net.slow = slow })
	}
}

// settle heals everything and wants one owner that has forgotten nothing.
func (s *simulation) settle() {
	s.heal()
	s.net.change(func() { s.net.slow = 5 * ms })
	for _, n := range s.nodes {
		if n.run == nil {
			n.boot()
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	var owner *simNode
	for owner == nil && time.Now().Before(deadline) {
		time.Sleep(50 * ms)
		owner = s.leader()
	}
	if owner == nil {
		s.t.Error("no owner 30 s after all was healed")
		return
	}
	s.note("healed: %s owns", owner.cfg.Node)
	time.Sleep(5 * time.Second)
	if owner = s.leader(); owner == nil {
		s.t.Error("the owner is gone although nothing happens")
		return
	}
	known := owner.run.State()
	for _, mark := range s.acked {
		if !known.IsDrained(mark) {
			s.t.Errorf("%s was acknowledged and is lost", mark)
		}
	}
}

func (s *simulation) end() {
	for _, n := range s.nodes {
		n.kill()
	}
	if s.overlaps > 0 {
		s.t.Errorf("two holders, seen %d times", s.overlaps)
	}
}

// Random schedules of crashes, freezes, cuts, slow messages, hand-overs and clocks
// that run at different rates.
func TestSimulation(t *testing.T) {
	for i := range *schedules {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSimulation(t, seed, 3)
				if s.random.IntN(4) == 0 {
					s = newSimulation(t, seed, 5)
				}
				if *simLog {
					for _, n := range s.nodes {
						n.cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", n.cfg.Node)
					}
				}
				for _, n := range s.nodes {
					n.boot()
				}
				time.Sleep(time.Second)
				for range 30 {
					s.step()
					time.Sleep(time.Duration(s.random.Int64N(int64(200 * ms))))
				}
				s.settle()
				s.end()
				if t.Failed() || *simLog {
					t.Logf("seed %d\n%s", seed, s.trace.String())
				}
			})
		})
	}
}
