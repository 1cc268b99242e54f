package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Errors of requests that are answered without the library.
var (
	errLateCall = errors.New("told to take over too late, twice, or by somebody else than the leader")
	errWithheld = errors.New("answer withheld")
	errNewcomer = errors.New("not admitted to the cluster yet")
	errCrowded  = errors.New("other snapshots are coming")
)

// Consumer implements raft.Transport: the library hears its peers through relay.
func (t *transport) Consumer() <-chan raft.RPC { return t.node.requests }

// relay passes the peers' requests on to the library, and its answers back, until
// ctx ends and no snapshot comes any more. On their way back answers become grants.
func (t *transport) relay(ctx context.Context) {
	defer t.takes.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case rpc := <-t.NetworkTransport.Consumer():
			t.check(ctx, rpc)
		case rpc := <-t.taken:
			t.node.pass(ctx, rpc)
		}
	}
}

// check passes a request on that makes sense, and answers any other. A snapshot comes
// whole first: the library's main loop would wait for it, and keep what it cannot use.
func (t *transport) check(ctx context.Context, rpc raft.RPC) {
	if err := t.node.place().vet(rpc.Command); err != nil {
		t.refuse(rpc, err)
		return
	}
	req, isSnapshot := rpc.Command.(*raft.InstallSnapshotRequest)
	if !isSnapshot {
		t.node.pass(ctx, rpc)
		return
	}
	t.receive(ctx, rpc, req.Size)
}

// receive has a snapshot taken, if there is room.
func (t *transport) receive(ctx context.Context, rpc raft.RPC, size int64) {
	select {
	case t.room <- struct{}{}:
		t.takes.Go(func() { t.take(ctx, rpc, size) }) // ends with the connection, or after messageLimit
	default:
		rpc.Respond(nil, errCrowded)
	}
}

// refuse answers a request that makes no sense, and says so in the log now and then.
func (t *transport) refuse(rpc raft.RPC, why error) {
	kind := fmt.Sprintf("%T", rpc.Command)
	if suppressed, ok := t.refusals.report(kind, time.Now()); ok {
		t.node.cfg.Log.Warn("request of a peer refused", "error", why, "suppressed", suppressed)
	}
	rpc.Respond(nil, why)
}

// take takes a snapshot from its connection.
func (t *transport) take(ctx context.Context, rpc raft.RPC, size int64) {
	defer func() { <-t.room }()
	content, err := readSnapshot(rpc.Reader, size)
	switch {
	case ctx.Err() != nil: // this node ends
		rpc.Respond(nil, ctx.Err())
		return
	case err != nil:
		t.refuse(rpc, err)
		return
	}
	rpc.Reader = bytes.NewReader(content)
	select {
	case t.taken <- rpc:
	case <-ctx.Done():
	}
}

// pass passes one request on.
func (n *Node) pass(ctx context.Context, rpc raft.RPC) {
	if !n.member.Load() && isElection(rpc.Command) {
		rpc.Respond(nil, errNewcomer)
		return
	}
	switch req := rpc.Command.(type) {
	case *raft.TimeoutNowRequest:
		n.moment("call received")
		if err := n.mayStand(); err != nil { // the leader would lose its term, and nobody win the next
			rpc.Respond(nil, err)
			return
		}
		// The library takes a request once it is done with those before, and has their term.
		request, _ := nudge()
		select {
		case n.requests <- request:
		case <-ctx.Done():
			return
		}
		if !n.takeCall(callOf(req), string(req.ID)) {
			rpc.Respond(nil, errLateCall)
			return
		}
		n.moment("call taken")
	case *raft.RequestVoteRequest:
		n.moment("vote asked of this node")
		n.poll.vote(bid{req.Term, string(req.ID), n.pollLimit()})
		if req.LeadershipTransfer { // the candidate was called by a leader that has released
			n.mu.Lock()
			n.grants.released(req.Term - 1)
			n.mu.Unlock()
		}
	}
	answers := n.newAnswers()
	relayed := rpc
	relayed.RespChan = answers
	select {
	case n.requests <- relayed:
		n.await(ctx, errand{rpc, answers})
	case <-ctx.Done():
	}
}

// isElection tells whether a request is one in which only members may have a part.
func isElection(command any) bool {
	switch command.(type) {
	case *raft.RequestVoteRequest, *raft.RequestPreVoteRequest, *raft.TimeoutNowRequest:
		return true
	}
	return false
}

// takeCall tells whether a TimeoutNow is to be obeyed: it comes from this
// node's leader, in its term, for the first time. The library's has no term, and a
// late one, read by a process that was paused, would depose a healthy leader.
func (n *Node) takeCall(c call, from string) bool {
	term := c.term
	r := n.raft.Load()
	if r == nil || term == 0 || term != r.CurrentTerm() {
		return false
	}
	if _, leader := r.LeaderWithID(); string(leader) != from {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.called >= term {
		return false
	}
	n.called = term
	n.words.released(from, term, n.now())
	n.grants.released(term) // it released before it called
	if c.clear {
		n.lingering.cleared = term
	}
	return true
}

// withoutStalePrivilege takes the right to depose a leader from a candidate that
// was not called to lead in just this term.
func (n *Node) withoutStalePrivilege(req *raft.RequestVoteRequest) *raft.RequestVoteRequest {
	n.mu.Lock()
	called := n.called
	n.mu.Unlock()
	if !req.LeadershipTransfer || req.Term == called+1 {
		return req
	}
	ordinary := *req // the library shares it between its peers
	ordinary.LeadershipTransfer = false
	return &ordinary
}

// answer completes the library's answer to a peer's request. What lets another
// node own leaves only when this node holds no VIP.
func (n *Node) answer(command any, out raft.RPCResponse) raft.RPCResponse {
	switch resp := out.Response.(type) {
	case *raft.AppendEntriesResponse:
		if !resp.Success {
			return out
		}
	case *raft.InstallSnapshotResponse:
		if !resp.Success {
			return out
		}
	case *raft.RequestVoteResponse:
		if !resp.Granted {
			req := command.(*raft.RequestVoteRequest)
			n.poll.noVote(string(req.ID), req.Term)
			return out
		}
	case *raft.RequestPreVoteResponse:
		resp.Granted = resp.Granted && !n.outdone(command.(*raft.RequestPreVoteRequest))
		return out
	default:
		return out
	}
	if err := n.letGo(); err != nil {
		n.cfg.Log.Error("releasing the VIPs for another leader", "error", err)
		return raft.RPCResponse{Error: errWithheld}
	}
	switch req := command.(type) {
	case *raft.RequestVoteRequest:
		n.moment("vote given")
		n.grantVote(req, out.Response.(*raft.RequestVoteResponse))
	case *raft.AppendEntriesRequest:
		n.grant(req, out.Response.(*raft.AppendEntriesResponse))
	}
	return out
}

// letGo releases the VIPs if this node may hold any, and returns when it holds
// none, also when somebody else is releasing them.
func (n *Node) letGo() error {
	n.releasing <- struct{}{}
	defer func() { <-n.releasing }()
	n.mu.Lock()
	given := n.given
	held := given != n.released
	n.mu.Unlock()
	if !held {
		return nil
	}
	if err := n.cfg.Release(); err != nil {
		return err
	}
	n.mu.Lock()
	n.released = given // what was given since is not released
	n.mu.Unlock()
	return nil
}

// grant makes resp a grant to the leader that asked, unless one to another leader
// runs: then raft goes on, and the new leader's VIPs wait.
func (n *Node) grant(req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) {
	length := n.cfg.grantLength()
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	leader := n.grants.to
	if string(req.ID) != leader { // else no text is made of it
		leader = string(req.ID)
	}
	n.words.heard(leader, now)
	switch {
	case !n.member.Load(): // it has no vote
		resp.Addr = n.taken // who gives it one first waits for so long
	case n.grants.give(leader, req.Term, now, now+length):
		resp.Addr = n.granting
	default:
		resp.Addr = n.taken
	}
}
