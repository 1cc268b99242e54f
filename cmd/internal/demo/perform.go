package demo

import (
	"context"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// outcome is what an act did, as the client and the kernels saw it.
type outcome struct {
	name     string
	from, to string
	outages  []lab.Outage  // of the VIPs, in their order
	quiet    time.Duration // the longest silence before, while nothing happened

	released  time.Duration // when the old owner's kernel had no VIP any more; 0: not while the client moved
	taken     time.Duration // when another kernel had one
	answering []string      // at once after the move
	several   time.Duration // for how long several answered after it; 0: never
}

// perform plays one act and tells of it.
func (sh *show) perform(ctx context.Context, a act, label string) error {
	old := sh.owner
	sh.out.act(label, a.title, old.Name)
	got := outcome{name: a.name, from: old.Name, quiet: sh.quiet}
	start := time.Now()
	if err := a.do(ctx, sh.stage, old); err != nil {
		return err
	}
	if a.moves {
		if err := sh.follow(ctx, old, start, &got); err != nil {
			return err
		}
	} else {
		owner, err := sh.reachedOwner(ctx)
		if err != nil {
			return err
		}
		got.to = owner.Name
	}
	if err := sh.countOwners(ctx, &got); err != nil {
		return err
	}
	sh.out.move(got)
	if a.story != nil {
		a.story(sh.out, got)
	}
	if a.mend != nil {
		if err := a.mend(ctx, sh.stage, old); err != nil {
			return err
		}
		sh.out.detail("perch on %s is started again and follows.", old.Name)
	}
	got.outages = sh.outages(start)
	sh.out.silence(got)
	sh.outcomes = append(sh.outcomes, got)
	sh.owner, sh.lastAct = sh.cluster.Node(got.to), time.Now()
	return nil
}

// follow waits until the client has moved from the old owner to a new one, and
// notes when the kernels did.
func (s *stage) follow(ctx context.Context, old *lab.Node, start time.Time, got *outcome) error {
	err := within(ctx, byLooking, "wait for another owner than "+old.Name, func() (bool, error) {
		if err := s.noteKernels(old, start, got); err != nil {
			return false, err
		}
		now, err := s.reached()
		if err != nil || now == nil || now == old {
			return false, err
		}
		got.to = now.Name
		return true, nil
	})
	if err != nil {
		return err
	}
	return within(ctx, byLooking, "wait until the client reaches "+got.to, func() (bool, error) {
		return s.calm(), nil
	})
}

func (s *stage) noteKernels(old *lab.Node, start time.Time, got *outcome) error {
	for _, n := range s.cluster.Nodes {
		holds, err := s.holds(n)
		if err != nil {
			return err
		}
		switch {
		case n == old && !holds && got.released == 0:
			got.released = time.Since(start)
		case n != old && holds && got.taken == 0:
			got.taken = time.Since(start)
		}
	}
	return nil
}

// countOwners asks the network who answers for the VIPs, and waits until it is
// one node alone.
func (s *stage) countOwners(ctx context.Context, got *outcome) error {
	start := time.Now()
	return within(ctx, byLooking, "wait for a single owner", func() (bool, error) {
		nodes, err := s.answering()
		if err != nil {
			return false, err
		}
		if got.answering == nil {
			got.answering = names(nodes)
		}
		if len(nodes) > 1 {
			got.several = time.Since(start)
		}
		return len(nodes) == 1, nil
	})
}

func names(nodes map[*lab.Node]bool) []string {
	var list []string
	for n := range nodes {
		list = append(list, n.Name)
	}
	slices.Sort(list)
	return list
}
