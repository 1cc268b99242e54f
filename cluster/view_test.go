package cluster

import (
	"testing"

	"github.com/hashicorp/raft"
)

// moving is a seat in which each look finds what comes next.
type moving struct {
	terms   []uint64
	leaders []raft.ServerID
}

func (m *moving) CurrentTerm() uint64 {
	term := m.terms[0]
	m.terms = m.terms[1:]
	return term
}

func (m *moving) LeaderWithID() (raft.ServerAddress, raft.ServerID) {
	leader := m.leaders[0]
	m.leaders = m.leaders[1:]
	return "", leader
}

// A leader is not told with the term of the one before, or of the one after.
func TestLeaderOfTerm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		seat   moving
		leader raft.ServerID
		term   uint64
	}{
		{"at rest", moving{[]uint64{4, 4}, []raft.ServerID{"lb1"}}, "lb1", 4},
		{"the next term begins", moving{[]uint64{4, 5, 5, 5}, []raft.ServerID{"lb1", ""}}, "", 5},
		{"the next leader is known", moving{[]uint64{4, 5, 5, 5}, []raft.ServerID{"lb2", "lb2"}}, "lb2", 5},
	} {
		if leader, term := leaderOfTerm(&tt.seat); leader != tt.leader || term != tt.term {
			t.Errorf("%s: %q in term %d, want %q in term %d", tt.name, leader, term, tt.leader, tt.term)
		}
	}
}
