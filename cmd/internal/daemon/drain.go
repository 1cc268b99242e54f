package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
)

// For how long a command follows a leadership that is changing hands: elections of
// profile wan take seconds.
const (
	againLimit = 10 * time.Second
	againPause = 50 * time.Millisecond
)

// again tries until it is done, or cannot be done, or leadership has not settled
// within againLimit. What it tries may be done twice.
func again(ctx context.Context, try func() error) error {
	for begin := time.Now(); ; {
		err := try()
		if !errors.Is(err, api.ErrMoving) || ctx.Err() != nil || time.Since(begin) >= againLimit {
			return err
		}
		pause(ctx, againPause)
	}
}

// throughLeader does something that only the leader can: here, if this node leads, or
// there. It follows a leadership that is changing hands.
func throughLeader(ctx context.Context, self string, leader func() (string, error), here func() error, there func(leader string) error) error {
	return again(ctx, func() error {
		name, err := leader()
		switch {
		case err != nil:
			return err
		case name == self:
			return here()
		default:
			return there(name)
		}
	})
}

// drainer drains and undrains nodes, through whoever leads.
type drainer struct {
	self     string
	leader   func() (string, error)
	leads    func() bool
	handOver func(reason string) error
	mark     func(node string, to api.Drain) error // in this node's log: it must lead
	ask      func(ctx context.Context, leader, node string, to api.Drain) error
}

func (d *daemon) drainer() drainer {
	return drainer{
		self:   d.name(),
		leader: d.leader,
		leads:  func() bool { return d.member.node.View().Role == cluster.Leader },
		handOver: func(reason string) error {
			_, err := d.handOver(moveDrain, cluster.Move{To: d.anyone(), Reason: reason})
			return refusal(err)
		},
		mark: func(node string, to api.Drain) error {
			return refusal(d.member.node.SetDrained(state.Drain{Node: node, Drained: to == api.Drained}))
		},
		ask: askThrough(d.member.peers),
	}
}

// askThrough asks a leader. One that does not answer is about to be replaced.
func askThrough(peers *api.PeerClient) func(ctx context.Context, leader, node string, to api.Drain) error {
	return func(ctx context.Context, leader, node string, to api.Drain) error {
		err := peers.SetDrain(ctx, leader, node, to)
		var refused *api.AnswerError
		if err == nil || errors.As(err, &refused) {
			return err
		}
		return api.Moving(err)
	}
}

// anywhere drains or undrains a node from any node of the cluster.
func (d drainer) anywhere(ctx context.Context, node string, to api.Drain) error {
	return throughLeader(ctx, d.self, d.leader,
		func() error { return d.here(ctx, node, to) },
		func(leader string) error { return d.ask(ctx, leader, node, to) })
}

// here drains or undrains a node on this one, which must lead. If it is this one
// that is to be drained it hands over first and leaves the mark to its successor,
// or to whoever leads by then.
func (d drainer) here(ctx context.Context, node string, to api.Drain) error {
	if node != d.self || to != api.Drained || !d.leads() {
		return d.mark(node, to)
	}
	if err := d.handOver(node + " was drained"); err != nil && d.leads() {
		return fmt.Errorf("drain %s: %w", node, err)
	}
	err := throughLeader(ctx, d.self, d.leader,
		func() error { return d.mark(node, to) },
		func(leader string) error { return d.ask(ctx, leader, node, to) })
	if err != nil {
		return fmt.Errorf("%s has handed over but is not marked as drained, so that VIPs may come back to it; drain it again: %w", node, err)
	}
	return nil
}
