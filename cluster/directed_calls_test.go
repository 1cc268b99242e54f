package cluster

import (
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// call lets a TimeoutNow arrive at a node.
func (n *simNode) call(t *testing.T, from string, term uint64) {
	t.Helper()
	req := calling(&raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(from)}}, call{term: term})
	n.sim.note("%s is called by %s in term %d", n.cfg.Node, from, term)
	n.run.pass(t.Context(), raft.RPC{Command: req, RespChan: make(chan raft.RPCResponse, 1)})
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
