package cluster

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

func TestClaimOfTheSuccessorIsAwaited(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	old := g.owner()
	target := g.others(old)[0]
	if _, err := old.Transfer(Move{To: []string{target.cfg.Node}, Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	if old.AwaitClaim(t.Context()) {
		t.Error("it took the plan, or the start of the new term, for a claim")
	}
	claimed := make(chan bool)
	go func() {
		begin := time.Now()
		got := false
		for !got && time.Since(begin) < time.Minute {
			got = old.AwaitClaim(t.Context())
		}
		claimed <- got
	}()
	if err := g.owner().Claim(target.Ownership().Term, state.Outage{}); err != nil {
		t.Error(err)
	}
	if !<-claimed {
		t.Error("the claim was not seen")
	}
}
