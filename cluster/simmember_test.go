package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Schedules whose membership changes: three of five nodes found the cluster, and
// between the other faults nodes join, leave and are removed.

// changes is what happens in them besides the faults.
var changes = []fault{
	{3, (*simulation).join},
	{4, (*simulation).remove},
	{2, (*simulation).leave},
}

// founders is how many of the nodes are members from the beginning.
const founders = 3

// grows makes it one in which only some of the nodes found the cluster. Their own lists
// are short until they are started again: until then no operator has come by.
func (s *simulation) grows() {
	s.all = s.nodes[0].cfg.Peers
	for i, n := range s.nodes {
		n.wanted = i < founders
		if n.wanted {
			n.cfg.Peers = s.all[:founders]
		}
	}
	s.faults, s.steps, s.longest = slices.Concat(faults, changes), 20, time.Second
}

// known returns the members by what a node knows, or last knew; nobody for one that
// knows itself to be none.
func (n *simNode) known() (members, voting []string) {
	if n.run == nil {
		return n.knew, nil
	}
	r := n.run.raft.Load()
	switch {
	case r == nil:
		return n.knew, nil
	case !n.run.member.Load():
		return nil, nil
	}
	for _, server := range servers(r) {
		members = append(members, string(server.ID))
	}
	return members, voters(r)
}

// electorate returns all nodes that are or may become members: by what any node knows
// or is asked for.
func (s *simulation) electorate() []string {
	var names []string
	for _, n := range s.nodes {
		members, _ := n.known()
		names = append(names, members...)
		if n.wanted {
			names = append(names, n.cfg.Node)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// hasVoice tells whether a node votes, or would if it ran, and is not to go.
func (n *simNode) hasVoice() bool {
	members, _ := n.known()
	return n.wanted && slices.Contains(members, n.cfg.Node)
}

// bearable tells whether the cluster comes back by itself after all was healed should it
// lose these nodes for good, whatever becomes of the changes under way. One that is
// left without a majority does not: no schedule may do that to it.
func (s *simulation) bearable(without ...*simNode) bool {
	left := 0
	for _, n := range s.nodes {
		if n.hasVoice() && !slices.Contains(without, n) {
			left++
		}
	}
	return left > len(s.electorate())/2
}

// join lets a node that is to be no member join, or one join again that did not come far.
func (s *simulation) join() {
	n := s.pick()
	if n.removing.Load() > 0 {
		return
	}
	was := n.wanted
	n.wanted = true
	if !was && !s.bearable() {
		n.wanted = false
		return
	}
	if n.run == nil {
		n.boot()
	}
	s.note("%s is to join", n.cfg.Node)
	run := n.run
	run.busy.Go(func() {
		err := run.Join(run.operator, "")
		s.note("%s has joined: %v", n.cfg.Node, err)
	})
}

// leave lets a node leave the cluster.
func (s *simulation) leave() {
	n := s.pick()
	s.takeOut(n, n)
}

// remove lets the operator of one node remove another, dead or alive, often the owner.
func (s *simulation) remove() {
	by, n := s.pick(), s.pick()
	if owner := s.leader(); owner != nil && s.random.IntN(4) == 0 {
		n = owner
	}
	if by != n {
		s.takeOut(n, by)
	}
}

func (s *simulation) takeOut(n, by *simNode) {
	if by.run == nil || !n.wanted || !s.bearable(n) {
		return
	}
	n.wanted = false
	s.note("%s is to be removed by %s", n.cfg.Node, by.cfg.Node)
	run := by.run
	n.removing.Add(1)
	run.busy.Go(func() {
		defer n.removing.Add(-1)
		err := run.Remove(run.operator, n.cfg.Node)
		for range 10 {
			if !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrChanging) || run.operator.Err() != nil {
				break
			}
			pause(run.operator, 100*ms)
			err = run.Remove(run.operator, n.cfg.Node)
		}
		s.note("%s was removed by %s: %v", n.cfg.Node, by.cfg.Node, err)
	})
}

// asWanted wants the operator to get the members that are meant to be, when nothing is
// broken any more. Commands of before may still be under way, and undo one of these: the
// node says so, and the operator repeats it.
func (s *simulation) asWanted() {
	for range 3 {
		for _, n := range s.nodes {
			if n.wanted {
				s.insist("join", n, func(ctx context.Context) error { return n.run.Join(ctx, "") })
			}
		}
		for _, n := range s.nodes {
			if !n.wanted {
				s.insist("remove", n, func(ctx context.Context) error { return n.run.Remove(ctx, n.cfg.Node) })
			}
		}
		for range 500 {
			if s.allAsWanted() {
				return
			}
			time.Sleep(20 * ms)
		}
	}
	for _, n := range s.nodes {
		members, voting := n.known()
		s.note("%s is to be a member: %t; of %v, voters %v, %q", n.cfg.Node, n.wanted, members, voting, n.run.Waiting())
	}
	s.t.Errorf("not those are members that are meant to be")
}

// patience is for how long an operator goes on: a hostile library deposes a leader every
// moment, and an admission needs one that stays for a few.
const patience = 5 * time.Minute

// insist has something done, and does what the errors ask for.
func (s *simulation) insist(what string, n *simNode, do func(ctx context.Context) error) {
	began := time.Now()
	for time.Since(began) < patience {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := do(ctx)
		cancel()
		if err == nil || what == "remove" && errors.Is(err, ErrNotMember) {
			return
		}
		s.note("%s %s: %v", what, n.cfg.Node, err)
		if strings.Contains(err.Error(), "lists only") {
			for _, short := range s.nodes {
				if len(short.cfg.Peers) < len(s.all) {
					s.restart(short)
				}
			}
		}
		time.Sleep(200 * ms)
	}
	s.t.Errorf("%s %s: not done after %s", what, n.cfg.Node, patience)
}

// allAsWanted tells whether just those vote that are meant to, by all nodes' words.
func (s *simulation) allAsWanted() bool {
	var wanted []string
	for _, n := range s.nodes {
		if n.wanted {
			wanted = append(wanted, n.cfg.Node)
		}
	}
	for _, n := range s.nodes {
		if n.run.member.Load() != n.wanted {
			return false
		}
		_, voting := n.known()
		slices.Sort(voting)
		if n.wanted && !slices.Equal(voting, wanted) {
			return false
		}
	}
	return true
}
