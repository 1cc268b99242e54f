package cluster

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// talking is a node of three without raft, whose clock the test sets.
type talking struct {
	*Node
	clock time.Duration
}

func newTalking() *talking {
	x := &talking{clock: time.Second}
	cfg := Config{Node: "lb1", Heartbeat: 100 * ms, Peers: []Peer{{Name: "lb1"}, {Name: "lb2"}, {Name: "lb3", Witness: true}}, Log: slog.New(slog.DiscardHandler)}
	x.Node = newNode(cfg, cfg.Peers[0])
	x.member.Store(true)
	x.now = func() time.Duration { return x.clock }
	return x
}

func (x *talking) until() time.Duration {
	return x.leaseEnd(7, []string{"lb1", "lb2", "lb3"}, x.clock)
}

func TestLeaseCountsFromTheSending(t *testing.T) {
	x := newTalking()
	var resp raft.AppendEntriesResponse
	err := x.noting("lb2", &raft.AppendEntriesRequest{Term: 7}, &resp, func() error {
		x.clock += 40 * ms // a slow answer
		resp.Success, resp.Term = true, 7
		resp.Addr = marked(markGrant, 100*ms)
		return nil
	})
	if want := time.Second + leaseLength(100*ms); err != nil || x.until() != want {
		t.Errorf("lease ends at %s (%v), want %s: from the sending, not from the answer", x.until(), err, want)
	}
}

func TestLeaseCountsOnlyAgreementInItsTerm(t *testing.T) {
	tests := map[string]struct {
		resp raft.AppendEntriesResponse
		err  error
	}{
		"refused":      {resp: raft.AppendEntriesResponse{Term: 7}},
		"a newer term": {resp: raft.AppendEntriesResponse{Term: 8, Success: true}},
		"no answer":    {resp: raft.AppendEntriesResponse{Term: 7, Success: true}, err: errors.New("EOF")},
		"no grant":     {resp: raft.AppendEntriesResponse{Term: 7, Success: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newTalking()
			var resp raft.AppendEntriesResponse
			err := x.noting("lb2", &raft.AppendEntriesRequest{Term: 7}, &resp, func() error {
				resp = tt.resp
				if name != "no grant" {
					resp.Addr = marked(markGrant, 100*ms)
				}
				return tt.err
			})
			if !errors.Is(err, tt.err) || x.until() != 0 {
				t.Errorf("lease until %s, %v", x.until(), err)
			}
		})
	}
}

// While profiles are mixed a leader beats for the most impatient voter.
func TestHeartbeatsFollowTheShortestGrant(t *testing.T) {
	x := newTalking()
	hear := func(peer string, length time.Duration) {
		resp := raft.AppendEntriesResponse{Term: 7, Success: true}
		resp.Addr = marked(markGrant, length)
		x.answered(peer, x.clock, &raft.AppendEntriesRequest{Term: 7}, &resp)
	}
	hear("lb2", time.Second)
	if got := x.patience(); got != 100*ms {
		t.Errorf("patience = %s, want this node's own P, 100ms", got)
	}
	hear("lb3", 50*ms)
	if got := x.patience(); got != 50*ms {
		t.Errorf("patience = %s, want lb3's 50ms", got)
	}
}

func TestObstaclesOfASuccessor(t *testing.T) {
	voting := []string{"lb1", "lb2", "lb3"}
	ready := contact{term: 7, sent: time.Second, match: 100}
	tests := []struct {
		name   string
		peer   Peer
		change func(x *talking)
		want   string
	}{
		{"ready", Peer{Name: "lb2"}, func(*talking) {}, ""},
		{"witness", Peer{Name: "lb2", Witness: true}, func(*talking) {}, "is a witness"},
		{"drained", Peer{Name: "lb2"}, func(x *talking) { x.fsm.state.Drained = []string{"lb2"} }, "is drained"},
		{"no voter", Peer{Name: "lb4"}, func(*talking) {}, "has no vote"},
		{"silent for long", Peer{Name: "lb2"}, func(x *talking) { x.clock += 51 * ms }, "is not in contact"},
		{"last request failed", Peer{Name: "lb2"}, func(x *talking) { x.unanswered("lb2", x.clock) }, "is not in contact"},
		{"an older request failed late", Peer{Name: "lb2"}, func(x *talking) { x.unanswered("lb2", x.clock-1) }, ""},
		{"behind", Peer{Name: "lb2"}, func(x *talking) { x.contacts["lb2"] = contact{sent: time.Second, match: 50} }, "is still catching up with the log"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTalking()
			x.contacts["lb2"], x.contacts["lb4"] = ready, ready
			tt.change(x)
			if got := x.obstacle(tt.peer, voting, 100); got != tt.want {
				t.Errorf("obstacle = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatAFollowerHadInAnOlderTermIsVoid(t *testing.T) {
	x := newTalking()
	agree := func(term, prev uint64) {
		resp := raft.AppendEntriesResponse{Term: term, Success: true}
		x.answered("lb2", x.clock, &raft.AppendEntriesRequest{Term: term, PrevLogEntry: prev, PrevLogTerm: 1}, &resp)
	}
	agree(7, 90)
	if x.contact("lb2").match != 90 {
		t.Fatalf("match = %d, want 90", x.contact("lb2").match)
	}
	resp := raft.AppendEntriesResponse{Term: 8, Success: true}
	x.answered("lb2", x.clock, &raft.AppendEntriesRequest{Term: 8}, &resp) // a heartbeat says nothing of the log
	if x.contact("lb2").match != 0 {
		t.Errorf("match = %d in a new term, want 0", x.contact("lb2").match)
	}
}

// A call that the library makes after its hand-over was given up sends nothing
// and leaves nothing behind.
func TestYieldAfterGivingUp(t *testing.T) {
	for _, when := range []string{"before the release", "during the release", "while TimeoutNow is under way"} {
		t.Run(when, func(t *testing.T) {
			x := newTalking()
			sent, told := false, false
			giveUp := func(at string) {
				if at == when {
					told = x.closeHandOver()
				}
			}
			x.openHandOver(7)
			giveUp("before the release")
			if x.beginYield(7) {
				if !x.moving.bars(7) {
					t.Error("the node may hold while it releases")
				}
				giveUp("during the release")
				if _, sent = x.commitYield(7); sent {
					giveUp("while TimeoutNow is under way")
				} else {
					x.cancelYield()
				}
			}
			if late := when == "while TimeoutNow is under way"; sent != late || told != late || x.moving.bars(7) != late {
				t.Errorf("sent %t, told %t, barred from its term %t; want %t thrice", sent, told, x.moving.bars(7), late)
			}
		})
	}
}

// The word that a leader has released is good for its whole term.
func TestLeaderThatGaveWayNeverHoldsAgainInItsTerm(t *testing.T) {
	x := newTalking()
	x.openHandOver(7)
	begun := x.beginYield(7)
	if _, committed := x.commitYield(7); !begun || !committed {
		t.Fatal("no hand-over")
	}
	x.closeHandOver()
	x.openHandOver(7) // another one
	if x.beginYield(7) {
		x.cancelYield()
	}
	if !x.moving.bars(7) {
		t.Error("it may hold again")
	}
	if x.moving.bars(8) {
		t.Error("it may not hold in its next term either")
	}
}

func TestYieldInAnotherTermSendsNothing(t *testing.T) {
	x := newTalking()
	x.openHandOver(7)
	if x.beginYield(8) || x.moving.bars(8) {
		t.Error("a hand-over of term 7 was carried out in term 8")
	}
}
