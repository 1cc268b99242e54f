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
	outages  []lab.Outage // of the VIPs, in their order

	released  time.Duration // when the old owner's kernel had no VIP any more; 0: later than the new one had
	taken     time.Duration // when another kernel had one
	answering []string      // at once after the move
	alone     time.Duration // for how long several answered after it; 0: never
}

// perform plays one act and tells of it.
func perform(ctx context.Context, s *stage, out *printer, a act, label string) (outcome, error) {
	owner, err := s.firstOwner(ctx)
	if err != nil {
		return outcome{}, err
	}
	out.act(label, a.title, owner.Name)
	got := outcome{name: a.name, from: owner.Name, to: owner.Name}
	start := time.Now()
	if err := a.do(ctx, s, owner); err != nil {
		return got, err
	}
	if a.moves {
		if err := s.follow(ctx, owner, start, &got); err != nil {
			return got, err
		}
	}
	if err := s.countOwners(ctx, &got); err != nil {
		return got, err
	}
	out.move(got)
	if a.mend != nil {
		if err := a.mend(ctx, s, owner); err != nil {
			return got, err
		}
		out.detail(a.mended, owner.Name)
	}
	for _, ping := range s.pings {
		got.outages = append(got.outages, ping.Since(start))
	}
	out.silence(got)
	return got, nil
}

// follow waits until the client has moved from the old owner to a new one, and
// notes when the kernels did.
func (s *stage) follow(ctx context.Context, old *lab.Node, start time.Time, got *outcome) error {
	err := within(ctx, patience, "wait for another owner than "+old.Name, func() (bool, error) {
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
	return within(ctx, patience, "wait until the client reaches "+got.to, func() (bool, error) {
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
	return within(ctx, patience, "wait for a single owner", func() (bool, error) {
		nodes, err := s.answering()
		if err != nil {
			return false, err
		}
		if got.answering == nil {
			got.answering = names(nodes)
		}
		if len(nodes) > 1 {
			got.alone = time.Since(start)
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
