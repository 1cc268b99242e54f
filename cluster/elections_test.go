package cluster

import (
	"testing"

	"github.com/hashicorp/raft"
)

func TestElections(t *testing.T) {
	var n Node
	for _, observed := range []any{
		raft.Follower, raft.Candidate, raft.Candidate, raft.Leader, raft.Follower,
		raft.LeaderObservation{LeaderID: "lb1"},
		raft.LeaderObservation{},
		raft.LeaderObservation{LeaderID: "lb1"},
		raft.PeerObservation{},
	} {
		n.elections.note(observed)
	}
	if got, want := n.Elections(), (Elections{Tried: 2, Won: 1, Leaders: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
