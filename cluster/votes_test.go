package cluster

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// voteFor lets the node's vote for a candidate leave, and returns what it grants.
func (x *talking) voteFor(candidate string, term uint64, called bool) time.Duration {
	req := &raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte(candidate)}, Term: term, LeadershipTransfer: called}
	out := x.answer(req, raft.RPCResponse{Response: &raft.RequestVoteResponse{Term: term, Granted: true}})
	return lengthIn(out.Response.(*raft.RequestVoteResponse).Addr, markGrant)
}

func TestVoteForACalledCandidateIsAGrant(t *testing.T) {
	x := newTalking()
	if got := x.voteFor("lb2", 8, true); got != 100*ms {
		t.Fatalf("granted %s, want P = 100ms", got)
	}
	if got := x.grantTo("lb3", 9); got != 0 {
		t.Errorf("granted %s to lb3 while lb2's grant runs", got)
	}
	if got := x.voteFor("lb3", 9, true); got != 0 {
		t.Errorf("granted %s to lb3 by a vote while lb2's grant runs", got)
	}
	x.grants.released(8)
	if got := x.grantTo("lb3", 9); got == 0 {
		t.Error("the word of lb2 did not end its grant")
	}
}

func TestVotesThatAreNoGrants(t *testing.T) {
	x := newTalking()
	if got := x.voteFor("lb2", 8, false); got != 0 || x.grants.to != "" {
		t.Errorf("a candidate that nobody called: granted %s", got)
	}
	x.member.Store(false)
	if got := x.voteFor("lb2", 8, true); got != 0 || x.grants.to != "" {
		t.Errorf("by a node that is no member: granted %s", got)
	}
	x.member.Store(true)
	out := x.answer(&raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ID: []byte("lb2")}, Term: 8, LeadershipTransfer: true},
		raft.RPCResponse{Response: &raft.RequestVoteResponse{Term: 8}})
	if got := lengthIn(out.Response.(*raft.RequestVoteResponse).Addr, markGrant); got != 0 || x.grants.to != "" {
		t.Errorf("a refusal: granted %s", got)
	}
}

func TestWhatAVoteGrantsCounts(t *testing.T) {
	req := &raft.RequestVoteRequest{Term: 7}
	answer := func(granted bool, term uint64, tag []byte) *raft.RequestVoteResponse {
		return &raft.RequestVoteResponse{RPCHeader: raft.RPCHeader{Addr: marked(tag, 60*ms)}, Term: term, Granted: granted}
	}
	for what, tt := range map[string]struct {
		resp *raft.RequestVoteResponse
		want time.Duration
	}{
		"a grant":         {answer(true, 7, markGrant), time.Second + leaseLength(60*ms)},
		"no mark":         {answer(true, 7, markTaken), 0},
		"a refusal":       {answer(false, 7, markGrant), 0},
		"of another term": {answer(true, 8, markGrant), 0},
	} {
		x := newTalking()
		x.clock += 10 * ms // it was sent before
		x.elected("lb2", time.Second, req, tt.resp)
		if got := x.until(); got != tt.want {
			t.Errorf("%s: the lease of the winner ends at %s, want %s", what, got, tt.want)
		}
	}
}

// The winner of a hand-over owns by the votes it was given: nobody holds the VIPs meanwhile.
func TestWinnerOfAHandOverAsksNoMore(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		target := others[0]
		term := owner.run.Ownership().Term + 1
		byVotes := make(chan bool, 1)
		go func() {
			for !target.run.leads(term) {
				time.Sleep(20 * time.Microsecond)
			}
			target.run.mu.Lock()
			defer target.run.mu.Unlock()
			byVotes <- target.run.lease.term == term && target.run.contacts[others[1].cfg.Node].term < term
		}()
		if _, err := owner.run.Transfer(Move{To: []string{target.cfg.Node}, Reason: "asked for"}); err != nil {
			t.Fatal(err)
		}
		if !<-byVotes {
			t.Error("it has no grant when it has won, or had to ask for it")
		}
	})
}

// Who has not the grants of a majority by the votes asks for them at once.
func TestFirstHeartbeatIsForWhoHasNoLease(t *testing.T) {
	var r raft.Raft
	x := newTalking()
	x.votes.known.Store(&roll{of: &r, voters: []string{"lb1", "lb2", "lb3"}})
	if x.granted(&r, 7) {
		t.Error("no vote was a grant")
	}
	vote := &raft.RequestVoteResponse{RPCHeader: raft.RPCHeader{Addr: marked(markGrant, 100*ms)}, Term: 7, Granted: true}
	x.elected("lb2", x.clock, &raft.RequestVoteRequest{Term: 7}, vote)
	if !x.granted(&r, 7) || x.granted(&r, 8) {
		t.Error("a majority has granted in term 7, and nobody in term 8")
	}
	x.clock += 60 * ms
	if x.granted(&r, 7) {
		t.Error("the lease is over too soon for the library's heartbeats")
	}
}
