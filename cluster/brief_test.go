package cluster

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

func TestBriefingTellsNoMoreThanIsKnown(t *testing.T) {
	for what, tt := range map[string]struct{ last, committed, want uint64 }{
		"all of it is committed":         {last: 7, committed: 7, want: 7},
		"some of it is":                  {last: 7, committed: 5, want: 5},
		"the follower lacks what is new": {last: 7, committed: 9, want: 7},
	} {
		req := briefing(raft.RPCHeader{}, 3, raft.Log{Index: tt.last, Term: 2}, tt.committed)
		if req.LeaderCommitIndex != tt.want || req.PrevLogEntry != tt.last || req.PrevLogTerm != 2 || req.Term != 3 || len(req.Entries) > 0 {
			t.Errorf("%s: %+v, want the commit of %d", what, req, tt.want)
		}
	}
}

// Nobody holds the VIPs from the release on: a successor that would first have to commit an
// entry, to know that the plan is committed, would wait for the disks of a majority.
func TestSuccessorKnowsThePlanWhenTheVIPsAreReleased(t *testing.T) {
	g := newGroup(t, 3)
	g.heartbeat = 2 * time.Second // in which the library would not tell of the commit by itself
	g.startAll()
	owner := g.owner()
	target := g.others(owner)[0]
	knew := make(chan bool, 1)
	release := func() error {
		deadline := time.Now().Add(owner.cfg.Heartbeat / 3) // what was committed is applied beside
		for target.State().Plan == nil && time.Now().Before(deadline) {
			time.Sleep(ms)
		}
		select {
		case knew <- target.State().Plan != nil:
		default:
		}
		return nil
	}
	owner.release.Store(&release)
	if _, err := owner.Transfer(Move{To: []string{target.cfg.Node}, Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	if !<-knew {
		t.Error("the successor did not know of the plan at the release")
	}
}

// Who has fallen silent tells nobody anything: a follower would take it for alive.
func TestSilentLeaderBriefsNobody(t *testing.T) {
	directed(t, func(t *testing.T, s *simulation, owner *simNode, others []*simNode) {
		target := others[0]
		id, address := raft.ServerID(target.cfg.Node), raft.ServerAddress("")
		if p, ok := owner.run.peer(target.cfg.Node); ok {
			address = raft.ServerAddress(p.Address.String())
		}
		trans := newTransport(owner.run.Node, deaf{newQueue(&net.TCPAddr{})}, hclog.NewNullLogger())
		defer trans.Close()
		owner.run.FallSilent()
		if err := trans.brief(id, address); !errors.Is(err, ErrNotRunning) {
			t.Errorf("a silent one: %v", err)
		}
		owner.run.hushed.Store(false)
		owner.run.mu.Lock()
		owner.run.nudged = owner.run.now() - owner.cfg.Heartbeat
		owner.run.mu.Unlock()
		if err := trans.brief(id, address); !errors.Is(err, errHung) {
			t.Errorf("one whose main loop hangs: %v", err)
		}
	})
}
