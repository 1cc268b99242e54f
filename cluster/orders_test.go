package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

func TestOrdersReachAllNodesAndSurviveARestart(t *testing.T) {
	g := newGroup(t, 3)
	g.startAll()
	owner := g.owner()
	drain := state.Server{Service: "web", Server: "10.0.0.11:80", Want: state.WantDrain}
	for len(owner.Remembered()) > 0 {
		<-owner.Remembered()
	}
	if err := owner.OrderServer(drain); err != nil {
		t.Fatal(err)
	}
	select {
	case <-owner.Remembered():
	default:
		t.Error("an order is not signalled")
	}
	want := state.Orders{"web": {"10.0.0.11:80": {Drain: true}}}
	for name, m := range g.members {
		if m != owner {
			if err := m.OrderServer(drain); err == nil {
				t.Errorf("%s does not lead, and takes an order", name)
			}
		}
		for end := time.Now().Add(time.Minute); !cmp.Equal(m.Orders(), want); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s remembers %v", name, m.Orders())
			}
		}
	}
	if err := owner.OrderServer(state.Server{Service: "web", Want: state.WantDrain}); !errors.Is(err, state.ErrBadOrder) {
		t.Errorf("an order for nobody: %v", err)
	}
	g.stop()
	g.startAll()
	if diff := cmp.Diff(want, g.owner().Orders()); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

// All that a cluster can remember, in the longest words, is still a snapshot that is read
// back, and that a follower takes.
func TestTheLargestSnapshotIsReadBack(t *testing.T) {
	f := &fsm{changed: func() {}}
	apply := func(c state.Command) {
		t.Helper()
		if err, _ := f.Apply(&raft.Log{Index: f.applied() + 1, Data: command(t, c)}).(error); err != nil {
			t.Fatal(err)
		}
	}
	for i := range state.OrdersLimit {
		order := state.Server{
			Service: fmt.Sprintf("%0*d", state.ServiceLimit-2, i), Server: fmt.Sprintf("%0*d", state.ServerLimit-2, i),
			Want: state.WantWeight, Weight: state.MaxWeight,
		}
		apply(state.Command{Server: &order})
		order.Want = state.WantDrain
		apply(state.Command{Server: &order})
	}
	for i := range uint64(state.HistoryLimit) {
		node := fmt.Sprintf("%063d", i%2)
		apply(state.Command{Claim: &state.Claim{Time: time.Unix(1, 1e6).UTC(), Term: 1<<63 + i, Node: node}})
		apply(state.Command{Plan: &state.Plan{Term: 1<<63 + i, From: node, Cause: state.CausePreempt, Reason: strings.Repeat("x", 250)}})
	}
	clone := f.read()
	data, err := clone.Encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of %d", len(data), maxSnapshot)
	restored := &fsm{changed: func() {}}
	if err := restored.Restore(io.NopCloser(bytes.NewReader(data))); err != nil {
		t.Fatalf("%d bytes: %v", len(data), err)
	}
	if diff := cmp.Diff(clone, restored.read()); diff != "" {
		t.Error(diff)
	}
}
