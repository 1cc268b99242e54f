package cluster

import (
	"context"

	"github.com/hashicorp/raft"
)

// errand is a request that the library has taken, and what it answers it on.
type errand struct {
	rpc     raft.RPC // of a peer
	answers chan raft.RPCResponse
}

// maxSpare is how many channels for answers are kept. Each leader has one request under way,
// and a second one while it replicates.
const maxSpare = 8

// newAnswers returns a channel for one answer of the library, which gives one to each request.
func (n *Node) newAnswers() chan raft.RPCResponse {
	select {
	case spare := <-n.spare:
		return spare
	default:
		return make(chan raft.RPCResponse, 1)
	}
}

// await has somebody wait for the library's answer, and complete it: who has done so before
// and is free, or else a new goroutine, which is there for further ones until ctx ends or the
// node does. The library answers all that it takes, at the latest when it ends.
func (n *Node) await(ctx context.Context, e errand) {
	select {
	case n.errands <- e:
	default:
		n.answers.Go(func() { n.respond(ctx, e) })
	}
}

// respond completes one answer after the other.
func (n *Node) respond(ctx context.Context, e errand) {
	for {
		e.rpc.RespChan <- n.answer(e.rpc.Command, <-e.answers)
		select {
		case n.spare <- e.answers:
		default:
		}
		e = errand{}
		select {
		case <-ctx.Done():
			return
		case <-n.over:
			return
		case e = <-n.errands:
		}
	}
}
