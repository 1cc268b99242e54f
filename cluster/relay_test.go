package cluster

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

func agree(term uint64) raft.RPCResponse {
	return raft.RPCResponse{Response: &raft.AppendEntriesResponse{Term: term, Success: true}}
}

func asked(leader string, term uint64) *raft.AppendEntriesRequest {
	return &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ID: []byte(leader)}, Term: term}
}

// grantTo lets the node answer leader's request, and returns what it grants.
func (x *talking) grantTo(leader string, term uint64) time.Duration {
	return grantOf(x.answer(asked(leader, term), agree(term)))
}

// grantOf returns what an answer grants, and 0 if it was withheld.
func grantOf(out raft.RPCResponse) time.Duration {
	resp, ok := out.Response.(*raft.AppendEntriesResponse)
	if !ok {
		return 0
	}
	return granted(resp)
}

func TestAnswersAreGrantsToOneLeaderAtATime(t *testing.T) {
	x := newTalking()
	if got := x.grantTo("lb2", 7); got != 100*ms {
		t.Fatalf("granted %s, want P = 100ms", got)
	}
	x.clock += 99 * ms
	if got := x.grantTo("lb3", 8); got != 0 {
		t.Errorf("granted %s to lb3 while lb2's grant runs", got)
	}
	x.clock += ms
	if got := x.grantTo("lb3", 8); got != 100*ms {
		t.Errorf("granted %s to lb3 after lb2's grant", got)
	}
}

func TestRefusalsGrantNothing(t *testing.T) {
	x := newTalking()
	out := x.answer(asked("lb2", 7), raft.RPCResponse{Response: &raft.AppendEntriesResponse{Term: 8}})
	if got := granted(out.Response.(*raft.AppendEntriesResponse)); got != 0 || x.grants.until != 0 {
		t.Errorf("a refusal grants %s", got)
	}
}

// A node that has granted to another leader does not count itself, and one that
// owns grants to nobody before its own lease has ended.
func TestLeaderIsAVoterLikeAnyOther(t *testing.T) {
	x := newTalking()
	x.grantTo("lb2", 6)
	x.lease.grant(7, "lb3", x.clock+80*ms)
	if got := x.until(); got != 0 {
		t.Errorf("lease until %s with a grant to lb2 running", got)
	}
	x.clock += 100 * ms
	x.lease.grant(7, "lb3", x.clock+80*ms)
	if got, want := x.until(), x.clock+80*ms; got != want {
		t.Errorf("lease until %s, want %s", got, want)
	}
}

// What lets another node own leaves only when this node holds nothing.
func TestAnswersWaitForTheRelease(t *testing.T) {
	answers := map[string]struct {
		command any
		resp    any
	}{
		"AppendEntries":   {asked("lb2", 8), &raft.AppendEntriesResponse{Term: 8, Success: true}},
		"vote":            {&raft.RequestVoteRequest{Term: 8}, &raft.RequestVoteResponse{Term: 8, Granted: true}},
		"InstallSnapshot": {&raft.InstallSnapshotRequest{Term: 8}, &raft.InstallSnapshotResponse{Term: 8, Success: true}},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			x := newTalking()
			broken := errors.New("the kernel refuses")
			x.cfg.Release = func() error { return broken }
			x.given++
			out := raft.RPCResponse{Response: tt.resp}
			if got := x.answer(tt.command, out); got.Response != nil || !errors.Is(got.Error, errWithheld) {
				t.Errorf("answered %+v although the release failed", got)
			}
			broken = nil
			if got := x.answer(tt.command, out); got.Response != tt.resp || got.Error != nil {
				t.Errorf("answered %+v after the release", got)
			}
			x.cfg.Release = func() error { t.Error("released although nothing was held"); return nil }
			x.answer(tt.command, out)
		})
	}
}

// deaf is a raft.StreamLayer that reaches nobody.
type deaf struct{ *queue }

func (deaf) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) { return nil, errNoRoute }

// A second answer waits for the release that the first one began, and does not
// leave if that fails.
func TestAllAnswersWaitForTheRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTalking()
		broken := errors.New("the kernel refuses")
		releases := 0
		x.cfg.Release = func() error {
			releases++
			time.Sleep(time.Second)
			return broken
		}
		x.given++
		for range 2 {
			go func() {
				if out := x.answer(asked("lb2", 8), agree(8)); out.Error == nil {
					t.Error("an answer left although the release failed")
				}
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if releases != 2 {
			t.Errorf("released %d times, want once for each answer", releases)
		}
		tr := newTransport(x.Node, deaf{newQueue(nil)}, hclog.NewNullLogger())
		defer tr.Close()
		if err := tr.RequestVote("lb2", "", &raft.RequestVoteRequest{Term: 8}, &raft.RequestVoteResponse{}); !errors.Is(err, broken) {
			t.Errorf("asking for a vote: %v, want the kernel's error", err)
		}
	})
}

// What is given while a release runs is not taken for released.
func TestOwnershipGivenDuringARelease(t *testing.T) {
	x := newTalking()
	x.given++
	x.cfg.Release = func() error { x.given++; return nil }
	for i := range 2 {
		if err := x.letGo(); err != nil || x.released != x.given-1 {
			t.Errorf("release %d: %v, %d given and %d released", i+1, err, x.given, x.released)
		}
	}
}

// An old leader that gave way is a voter like any other.
func TestGivingWayEndsTheOwnGrant(t *testing.T) {
	x := newTalking()
	x.grants.give("lb1", 7, x.clock, x.clock+80*ms)
	x.openHandOver(7)
	if !x.beginYield(7) || x.beginYield(7) {
		t.Error("a second release may begin while one is under way, or the first may not")
	}
	if _, ok := x.commitYield(7); !ok || x.grantTo("lb2", 8) == 0 {
		t.Error("the old leader keeps its own grant")
	}
}

func TestRefusalsReleaseNothing(t *testing.T) {
	x := newTalking()
	x.given++
	x.cfg.Release = func() error { t.Error("released for a refusal"); return nil }
	for _, exchange := range []struct{ request, response any }{
		{&raft.AppendEntriesRequest{}, &raft.AppendEntriesResponse{}},
		{&raft.RequestVoteRequest{}, &raft.RequestVoteResponse{}},
		{&raft.InstallSnapshotRequest{}, &raft.InstallSnapshotResponse{}},
		{&raft.RequestPreVoteRequest{}, &raft.RequestPreVoteResponse{Granted: true}},
	} {
		x.answer(exchange.request, raft.RPCResponse{Response: exchange.response})
	}
}

// The right to depose a leader is good for the term after the call.
func TestPrivilegeOfAHandOverIsForOneTerm(t *testing.T) {
	x := newTalking()
	x.called = 7
	for term, want := range map[uint64]bool{7: false, 8: true, 9: false} {
		req := &raft.RequestVoteRequest{Term: term, LeadershipTransfer: true}
		if got := x.withoutStalePrivilege(req); got.LeadershipTransfer != want || got.Term != term {
			t.Errorf("term %d: asks with %+v", term, got)
		}
		if !req.LeadershipTransfer {
			t.Error("the library's request was changed")
		}
	}
}

// A candidate that was called carries the word that the old leader has released.
func TestVoteRequestOfACalledCandidateEndsTheOldGrant(t *testing.T) {
	for _, called := range []bool{true, false} {
		x := newTalking()
		x.grantTo("lb2", 7)
		req := &raft.RequestVoteRequest{Term: 8, LeadershipTransfer: called}
		go x.pass(t.Context(), raft.RPC{Command: req, RespChan: make(chan raft.RPCResponse, 1)})
		passed := <-x.requests
		passed.Respond(&raft.RequestVoteResponse{}, nil)
		if got := x.grantTo("lb3", 8); (got > 0) != called {
			t.Errorf("called %t: granted %s to the new leader", called, got)
		}
	}
}

// A request of a term ago says nothing of the leader of this one.
func TestWordOfALateCandidateEndsNoGrant(t *testing.T) {
	x := newTalking()
	x.grantTo("lb2", 7)
	req := &raft.RequestVoteRequest{Term: 7, LeadershipTransfer: true}
	go x.pass(t.Context(), raft.RPC{Command: req, RespChan: make(chan raft.RPCResponse, 1)})
	passed := <-x.requests
	passed.Respond(&raft.RequestVoteResponse{}, nil)
	if got := x.grantTo("lb3", 8); got > 0 {
		t.Errorf("granted %s to lb3 while lb2's grant runs", got)
	}
}

// Late, repeated and foreign calls to take over are not obeyed.
func TestCallsThatAreNotObeyed(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	follower := g.others(owner)[0]
	term := owner.Ownership().Term
	g.eventually("the follower follows", func() bool {
		_, leader := follower.raft.Load().LeaderWithID()
		return string(leader) == owner.cfg.Node
	})
	for name, from := range map[string]struct {
		term uint64
		node string
	}{
		"without a term":    {0, owner.cfg.Node},
		"of a term ago":     {term - 1, owner.cfg.Node},
		"of a term to come": {term + 1, owner.cfg.Node},
		"of another node":   {term, follower.cfg.Node},
	} {
		if follower.takeCall(call{term: from.term}, from.node) {
			t.Errorf("a call %s is obeyed", name)
		}
	}
	if !follower.takeCall(call{term: term}, owner.cfg.Node) {
		t.Error("a call of the leader in its term is not obeyed")
	}
	follower.mu.Lock()
	kept := follower.grants.to == owner.cfg.Node && follower.grants.term == term && follower.now() < follower.grants.until
	follower.mu.Unlock()
	if kept {
		t.Error("a called node keeps its grant to the leader that has released")
	}
	if follower.takeCall(call{term: term}, owner.cfg.Node) {
		t.Error("the same call is obeyed twice")
	}
}

func TestLongestGrantIsRemembered(t *testing.T) {
	g := newGroup(t, 1)
	open := func(heartbeat time.Duration) (quiet time.Duration) {
		cfg := g.config("lb1")
		cfg.Heartbeat = heartbeat
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		return n.grants.until - n.now()
	}
	for _, tt := range []struct{ heartbeat, want time.Duration }{{time.Hour, time.Hour}, {ms, time.Hour}, {2 * time.Hour, 2 * time.Hour}} {
		if got := open(tt.heartbeat).Round(time.Minute); got != tt.want {
			t.Errorf("with H = %s: quiet for %s, want %s", tt.heartbeat, got, tt.want)
		}
	}
}

// relayed passes a request on and returns the answer.
func (x *talking) relayed(command any) raft.RPCResponse {
	answered := make(chan raft.RPCResponse, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the library is not there
	x.pass(ctx, raft.RPC{Command: command, RespChan: answered})
	select {
	case out := <-answered:
		return out
	default:
		return raft.RPCResponse{}
	}
}
