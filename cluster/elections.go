package cluster

import (
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Elections counts what this node saw of elections since it was started.
type Elections struct {
	Tried   uint64 // in which it stood, or asked whether it could
	Won     uint64
	Leaders uint64 // times that it came to know of a leader: another one, or one anew
}

// elections counts them. The library calls note from its own loops, which do not wait.
type elections struct{ tried, won, leaders atomic.Uint64 }

func (e *elections) note(observed any) {
	switch is := observed.(type) {
	case raft.RaftState:
		switch is {
		case raft.Candidate:
			e.tried.Add(1)
		case raft.Leader:
			e.won.Add(1)
		}
	case raft.LeaderObservation:
		if is.LeaderID != "" {
			e.leaders.Add(1)
		}
	}
}

// Elections returns what this node saw of elections.
func (n *Node) Elections() Elections {
	return Elections{Tried: n.elections.tried.Load(), Won: n.elections.won.Load(), Leaders: n.elections.leaders.Load()}
}
