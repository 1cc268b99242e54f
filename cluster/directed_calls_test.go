package cluster

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// call lets a TimeoutNow arrive at a node.
func (n *simNode) call(t *testing.T, from string, term uint64) {
	t.Helper()
	n.pass(t, called(from, term))
}

// called is the TimeoutNow of a leader in its term.
func called(from string, term uint64) *raft.TimeoutNowRequest {
	header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(from)}
	return calling(&raft.TimeoutNowRequest{RPCHeader: header}, call{term: term})
}

// pass lets a request arrive at a node, and returns where the answer will come.
func (n *simNode) pass(t *testing.T, command any) <-chan raft.RPCResponse {
	t.Helper()
	n.sim.note("%s is sent %T", n.cfg.Node, command)
	answered := make(chan raft.RPCResponse, 1)
	n.run.pass(t.Context(), raft.RPC{Command: command, RespChan: answered})
	return answered
}

// stays checks that a node owns for a second, without a break.
func (s *simulation) stays(t *testing.T, owner *simNode) {
	t.Helper()
	for range 1000 {
		time.Sleep(ms)
		if own := owner.run.Ownership(); !own.Leads(owner.run.now()) {
			t.Fatalf("%s was deposed", owner.cfg.Node)
		}
	}
}

// The library's TimeoutNow has no term: one of long ago, read by a process that was
// paused, would depose a healthy leader.
func TestLateCallDeposesNobody(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		term := owner.run.Ownership().Term
		for _, step := range [][2]*simNode{{owner, others[0]}, {others[0], owner}} {
			time.Sleep(200 * ms)
			if _, err := step[0].run.Transfer(Move{To: []string{step[1].cfg.Node}, Reason: "asked for"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(200 * ms)
		others[1].call(t, owner.cfg.Node, term)
		s.stays(t, owner)
	})
}

// The term that counts is the one in which the library would obey: a call that comes
// while it writes the next one down would depose the leader of that.
func TestCallOnTheWayToTheNextTermIsLate(t *testing.T) {
	directed(t, func(t *testing.T, _ *simulation, owner *simNode, others []*simNode) {
		target, term := others[0], owner.run.Ownership().Term
		next := asked(owner.cfg.Node, term+1)
		next.ProtocolVersion, next.Addr = raft.ProtocolVersionMax, []byte(owner.run.self.Address.String())
		target.disk.stall.Store(int64(20 * ms))
		target.pass(t, next)
		if out := <-target.pass(t, called(owner.cfg.Node, term)); !errors.Is(out.Error, errLateCall) {
			t.Errorf("the call of term %d was answered with %v", term, out.Error)
		}
	})
}

func TestForeignCallDeposesNobody(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		others[0].call(t, others[1].cfg.Node, owner.run.Ownership().Term)
		s.stays(t, owner)
	})
}

// A call that waits until the library is no longer busy may be obeyed in another
// term, whose leader has not released.
func TestLatePrivilegeEndsNoGrant(t *testing.T) {
	directedWith(t, 5, func(*simulation) {}, func(t *testing.T, s *simulation, _ *simNode, _ []*simNode) {
		for range 10 {
			owner, others := s.awaitOwner()
			for _, other := range others {
				s.cut(owner, other, true)
				s.cut(other, owner, true)
			}
			others[0].run.stand(1)
			time.Sleep(500 * ms)
		}
	})
}

// An owner that steps down while it looks at its own ownership has answered the
// newer leader by the time it is done, and owns nothing.
func TestOwnershipIsOfAfterTheLook(t *testing.T) {
	directed(t, func(t *testing.T, _ *simulation, owner *simNode, others []*simNode) {
		term := owner.run.Ownership().Term
		look := sync.OnceFunc(func() {
			req := asked(others[0].cfg.Node, term+1)
			req.ProtocolVersion, req.Addr = raft.ProtocolVersionMax, []byte(others[0].cfg.Peers[0].Address.String())
			answered := make(chan raft.RPCResponse, 1)
			owner.run.pass(t.Context(), raft.RPC{Command: req, RespChan: answered})
			if out := <-answered; out.Error != nil {
				t.Error(out.Error)
			}
		})
		owner.run.mu.Lock()
		owner.run.recalled = 0 // it looks at its log, as it does first in a term
		owner.run.mu.Unlock()
		owner.disk.peeking.Store(&look)
		if own := owner.run.Ownership(); own.Until > 0 {
			t.Errorf("it owns in term %d after its answer to a leader of term %d", own.Term, term+1)
		}
	})
}

// A node that asks for no vote would depose its leader, and win nothing.
func TestCallOfASilentNodeDeposesNobody(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		silent, term := others[0], owner.run.Ownership().Term
		silent.run.FallSilent()
		if out := <-silent.pass(t, called(owner.cfg.Node, term)); !errors.Is(out.Error, ErrNotRunning) {
			t.Errorf("the call was answered with %v", out.Error)
		}
		s.stays(t, owner)
	})
}
