package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

type fault struct {
	weight int
	happen func(*simulation)
}

// faults is what happens in a random schedule, and how often.
var faults = []fault{
	{1, func(s *simulation) { s.pick().kill() }},
	{1, func(s *simulation) { s.restart(s.pick()) }},
	{1, (*simulation).wipe},
	{2, (*simulation).reboot},
	{1, func(s *simulation) { n := s.pick(); s.freeze(n, !n.frozen) }},
	{2, (*simulation).cutOne},
	{1, func(s *simulation) { s.isolate(s.pick()) }},
	{2, (*simulation).strike},
	{3, (*simulation).usurp},
	{3, (*simulation).heal},
	{2, (*simulation).transfer},
	{1, (*simulation).mark},
	{1, (*simulation).slowDown},
	{1, (*simulation).stall},
	{2, (*simulation).occupy},
}

// step lets one of the faults happen.
func (s *simulation) step() {
	total := 0
	for _, f := range s.faults {
		total += f.weight
	}
	drawn := s.random.IntN(total)
	for _, f := range s.faults {
		if drawn -= f.weight; drawn < 0 {
			f.happen(s)
			return
		}
	}
}

// pause waits between two steps: often so short that the second meets what the
// first one began.
func (s *simulation) pause() {
	longest := []time.Duration{5 * ms, 50 * ms, s.longest}[s.random.IntN(3)]
	time.Sleep(time.Duration(s.random.Int64N(int64(longest))))
}

func (s *simulation) pick() *simNode { return s.nodes[s.random.IntN(len(s.nodes))] }

func (s *simulation) reboot() {
	for _, n := range s.nodes {
		if n.run == nil {
			n.boot()
			return
		}
	}
}

// freeze holds back all that a node sends and is sent. Its timers go on, which is
// weaker than a SIGSTOP.
func (s *simulation) freeze(n *simNode, frozen bool) {
	n.frozen = frozen
	s.note("%s frozen: %t", n.cfg.Node, frozen)
	s.net.change(func() { s.net.frozen[n.cfg.Node] = frozen })
}

// cut stops what from sends to another node, or lets it arrive again.
func (s *simulation) cut(from, to *simNode, cut bool) {
	s.note("%s to %s cut: %t", from.cfg.Node, to.cfg.Node, cut)
	s.net.change(func() { s.net.cut[[2]string{from.cfg.Node, to.cfg.Node}] = cut })
}

func (s *simulation) cutOne() {
	from, to := s.pick(), s.pick()
	if from != to {
		s.cut(from, to, true)
	}
}

// isolate cuts a node off, or only what it sends, or what it is sent.
func (s *simulation) isolate(n *simNode) {
	way := s.random.IntN(4)
	for _, other := range s.nodes {
		if other == n {
			continue
		}
		if way != 1 {
			s.cut(n, other, true)
		}
		if way != 2 {
			s.cut(other, n, true)
		}
	}
}

// strike hits the owner, while it owns.
func (s *simulation) strike() {
	owner := s.leader()
	switch {
	case owner == nil:
		s.heal()
	case s.random.IntN(4) == 0:
		s.freeze(owner, true)
	default:
		s.isolate(owner)
	}
}

// usurp lets a node that was cut off from the owner meet its voters just when they
// lose the owner, too, or start again.
func (s *simulation) usurp() {
	s.heal()
	time.Sleep(50 * ms)
	owner, others := s.parties()
	if owner == nil {
		return
	}
	away := func(n *simNode) {
		s.cut(owner, n, true)
		s.cut(n, owner, true)
	}
	usurper, voters := others[0], others[1:]
	away(usurper)
	time.Sleep(time.Duration(s.random.Int64N(int64(200 * ms))))
	s.occupy()
	restart := s.random.IntN(2) == 0
	for _, v := range voters {
		away(v)
		if restart {
			s.restart(v)
		}
	}
}

// wipe starts a node again without its disk. The others must have a majority, and know
// each other to be voters: the library lets nobody win by the vote of a node that takes
// the candidate for a newcomer, so that two losses one after the other can stop the
// cluster for good.
func (s *simulation) wipe() {
	n := s.pick()
	if !s.bearable(n) || !s.agreed(n) {
		return
	}
	n.kill()
	s.note("%s has lost its disk", n.cfg.Node)
	n.disk, n.knew = newMemory(), nil
	n.boot()
}

// agreed tells whether all members but one run and know each other to be voters.
func (s *simulation) agreed(except *simNode) bool {
	others := slices.DeleteFunc(s.electorate(), func(name string) bool { return name == except.cfg.Node })
	for _, n := range s.nodes {
		if !slices.Contains(others, n.cfg.Node) {
			continue
		}
		if _, voting := n.known(); overlap(others, voting) < len(others) {
			return false
		}
	}
	return true
}

// restart kills a node and starts it again at once.
func (s *simulation) restart(n *simNode) {
	n.kill()
	n.boot()
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

func (s *simulation) slowDown() {
	slow := []time.Duration{5 * ms, 50 * ms, 150 * ms}[s.random.IntN(3)]
	often := []int{20, 4, 2}[s.random.IntN(3)]
	s.note("one message in %d takes up to %s", often, slow)
	s.net.change(func() { s.net.slow, s.net.often = slow, often })
}

func (s *simulation) stall() {
	n, stall := s.pick(), time.Duration(s.random.Int64N(int64(400*ms)))
	s.note("%s: the next write takes %s", n.cfg.Node, stall)
	n.disk.stall.Store(int64(stall))
}

// occupy keeps an owner's daemon from seeing that it must let go: then its release
// and its lease must do.
func (s *simulation) occupy() {
	if n := s.leader(); n != nil {
		busy := time.Duration(s.random.Int64N(int64(200 * ms)))
		s.note("%s is busy for %s", n.cfg.Node, busy)
		n.busy.Store(int64(busy))
	}
}

// transfer lets the operator ask the owner to hand over.
func (s *simulation) transfer() {
	n := s.leader()
	if n == nil {
		return
	}
	run, to := n.run, []string(nil)
	if s.random.IntN(2) == 0 {
		to = []string{s.pick().cfg.Node}
	}
	s.note("%s hands over to %q", n.cfg.Node, to)
	run.busy.Go(func() {
		won, err := run.Transfer(Move{To: to, Reason: "asked for"})
		s.note("%s handed over to %s: %v", n.cfg.Node, won, err)
	})
}

// mark lets the operator drain a node that does not exist.
func (s *simulation) mark() {
	n := s.leader()
	if n == nil {
		return
	}
	s.marks++
	mark, run := fmt.Sprint("mark", s.marks), n.run
	run.busy.Go(func() {
		if run.SetDrained(state.Drain{Node: mark, Drained: true}) == nil {
			s.acknowledge(mark, run.raft.Load())
		}
	})
}
