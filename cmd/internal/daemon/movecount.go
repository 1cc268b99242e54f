package daemon

import (
	"errors"
	"sync/atomic"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/web"
)

// moveReason is why the VIPs are to move, as it is counted.
type moveReason int

const (
	moveAsked   moveReason = iota // by an operator
	moveDrain                     // of this node
	moveStop                      // of the daemon
	moveUnfit                     // this node leads and may not own
	moveHealth                    // this node is sick
	movePreempt                   // another one is preferred
	moveReasons
)

// moveResult is what came of it.
type moveResult int

const (
	moveDone    moveResult = iota
	moveNobody             // no other node could take over
	moveGivenUp            // the one that was told did not take over
	moveFailed
	moveResults
)

// moveCount counts the planned moves away from this node.
type moveCount struct {
	counts [moveReasons][moveResults]atomic.Uint64
}

// note counts a move. Where this node does not lead, or moves already, there was none.
func (m *moveCount) note(why moveReason, err error) {
	if errors.Is(err, cluster.ErrNotLeader) || errors.Is(err, cluster.ErrTransferring) {
		return
	}
	m.counts[why][resultOf(err)].Add(1)
}

func resultOf(err error) moveResult {
	switch {
	case err == nil:
		return moveDone
	case errors.Is(err, cluster.ErrNoSuccessor):
		return moveNobody
	case errors.Is(err, cluster.ErrGivenUp):
		return moveGivenUp
	}
	return moveFailed
}

// moveReasonOf is how a move is counted that the overseer wants.
func moveReasonOf(cause string) moveReason {
	if cause == state.CausePreempt {
		return movePreempt
	}
	return moveHealth
}

// all are the counts as metrics have them, also those of what has not happened yet.
func (m *moveCount) all() (list []web.Transfers) {
	reasons := [...]string{"asked", "drain", "stop", "unfit", "health", "preempt"}
	results := [...]string{"done", "no_successor", "given_up", "failed"}
	for i := range m.counts {
		for j := range m.counts[i] {
			list = append(list, web.Transfers{Reason: reasons[i], Result: results[j], Count: m.counts[i][j].Load()})
		}
	}
	return list
}
