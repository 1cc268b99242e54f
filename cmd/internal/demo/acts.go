package demo

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// act is one thing that happens to the cluster.
type act struct {
	name  string // in the table
	title string // said before; %s is the owner
	do    func(ctx context.Context, s *stage, owner *lab.Node) error
	moves bool                                                     // whether the VIPs are to move
	story func(*printer, outcome)                                  // told after the move; may be nil
	mend  func(ctx context.Context, s *stage, old *lab.Node) error // may be nil
}

func acts() []act {
	return []act{
		{
			name:  "planned transfer",
			title: "A planned move: perch transfer, while %s owns the VIPs",
			do:    transfer,
			moves: true,
		},
		{
			name:  "SIGTERM",
			title: "An orderly stop: SIGTERM to perch on %s",
			do:    terminate,
			moves: true,
			mend:  restart,
		},
		{
			name:  "SIGKILL",
			title: "A crash: SIGKILL to perch on %s",
			do:    kill,
			moves: true,
			story: (*printer).leftBehind,
			mend:  restart,
		},
		{
			name:  "link cut",
			title: "A dead switch port: the link of %s is cut",
			do:    cut,
			moves: true,
			story: (*printer).handover,
		},
		{
			name:  "link healed",
			title: "The link is back, while %s owns the VIPs",
			do:    heal,
		},
	}
}

// transfer names the target, so that the next owner is no accident. A busy
// machine may keep the target out of touch for a moment, in which it is refused, or
// move the VIPs by itself before it is asked.
func transfer(ctx context.Context, s *stage, owner *lab.Node) error {
	i := slices.Index(s.cluster.Nodes, owner)
	next := s.cluster.Nodes[(i+1)%len(s.cluster.Nodes)]
	var refusal error
	err := within(ctx, byCommand, "wait until "+next.Name+" can take over", func() (bool, error) {
		if _, refusal = owner.Perch(ctx, "transfer", next.Name); refusal == nil {
			return true, nil
		}
		now, err := s.reached()
		return now != nil && now != owner, err
	})
	if err != nil {
		return errors.Join(err, refusal)
	}
	return nil
}

func terminate(_ context.Context, _ *stage, owner *lab.Node) error {
	return owner.Process().Signal(syscall.SIGTERM)
}

func kill(_ context.Context, _ *stage, owner *lab.Node) error {
	return owner.Process().Signal(syscall.SIGKILL)
}

func cut(_ context.Context, _ *stage, owner *lab.Node) error {
	return owner.Host.Eth0.Cut()
}

// heal splices every link; those that were not cut stay as they are.
func heal(ctx context.Context, s *stage, owner *lab.Node) error {
	for _, n := range s.cluster.Nodes {
		if err := n.Host.Eth0.Splice(); err != nil {
			return err
		}
	}
	return s.allFollow(ctx, owner)
}

// restart starts an ended node again and waits until it follows.
func restart(ctx context.Context, s *stage, old *lab.Node) error {
	err := within(ctx, byLooking, "wait for the end of perch on "+old.Name, func() (bool, error) {
		return !old.Running(), nil
	})
	if err != nil {
		return err
	}
	if err := old.Start(); err != nil {
		return err
	}
	owner, err := s.reachedOwner(ctx)
	if err != nil {
		return err
	}
	return s.allFollow(ctx, owner)
}
