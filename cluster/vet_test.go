package cluster

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// Each rule has a request that breaks it alone.
func TestVet(t *testing.T) {
	at := onLog{term: 7, lastIndex: 40, lastTerm: 6}
	node := func(id, address string) raft.Server {
		return raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(address)}
	}
	appends := func(change func(*raft.AppendEntriesRequest)) any {
		req := at.appending(&raft.Log{Type: raft.LogNoop}, &raft.Log{})
		change(req)
		return req
	}
	configures := func(servers ...raft.Server) any {
		return at.appending(&raft.Log{Type: raft.LogConfiguration, Data: configured(servers...)})
	}
	vote := func(change func(*raft.RequestVoteRequest)) any {
		req := &raft.RequestVoteRequest{RPCHeader: header, Term: 8, LastLogIndex: 40, LastLogTerm: 7}
		change(req)
		return req
	}
	preVote := func(term, last uint64) any {
		return &raft.RequestPreVoteRequest{RPCHeader: header, Term: term, LastLogTerm: last}
	}
	snapshot := func(change func(*raft.InstallSnapshotRequest)) any { return at.snapshotting(change) }
	many := make([]raft.Server, maxServers+1)
	for i := range many {
		name := strings.Repeat("n", i+1)
		many[i] = node(name, name)
	}
	tests := []struct {
		name    string
		request any
		fine    bool
	}{
		{"entries", appends(func(*raft.AppendEntriesRequest) {}), true},
		{"heartbeat", &raft.AppendEntriesRequest{RPCHeader: header, Term: 1}, true},
		{"far ahead", &raft.AppendEntriesRequest{RPCHeader: header, Term: 7 + maxLeap}, true},
		{"too far ahead", &raft.AppendEntriesRequest{RPCHeader: header, Term: 8 + maxLeap}, false},
		{"term 0", &raft.AppendEntriesRequest{RPCHeader: header}, false},
		{"no name", appends(func(r *raft.AppendEntriesRequest) { r.ID = nil }), false},
		{"no address", appends(func(r *raft.AppendEntriesRequest) { r.Addr = nil }), false},
		{"long name", appends(func(r *raft.AppendEntriesRequest) { r.ID = make([]byte, maxCandidate+1) }), false},
		{"long address", appends(func(r *raft.AppendEntriesRequest) { r.Addr = make([]byte, maxCandidate+1) }), false},
		{"no entry", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1] = nil }), false},
		{"gap", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1].Index++ }), false},
		{"gap before", appends(func(r *raft.AppendEntriesRequest) { r.PrevLogEntry-- }), false},
		{"end of indices", appends(func(r *raft.AppendEntriesRequest) {
			r.PrevLogEntry, r.Entries = math.MaxUint64, []*raft.Log{{Term: 6}}
		}), false},
		{"entry of a later term", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1].Term = 8 }), false},
		{"entry of an older term", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1].Term = 6 }), false},
		{"log of a later term", &raft.AppendEntriesRequest{RPCHeader: header, Term: 7, PrevLogEntry: 9, PrevLogTerm: 8}, false},
		{"type of old", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1].Type = raft.LogAddPeerDeprecated }), false},
		{"type to come", appends(func(r *raft.AppendEntriesRequest) { r.Entries[1].Type = raft.LogConfiguration + 1 }), false},
		{"configuration", configures(node("a", "b"), node("c", "d")), true},
		{"twin ids", configures(node("a", "b"), node("a", "d")), false},
		{"twin addresses", configures(node("a", "b"), node("c", "b")), false},
		{"id like an address", configures(node("a", "b"), node("b", "a")), true},
		{"nameless", configures(node("", "b")), false},
		{"nowhere", configures(node("a", "")), false},
		{"nobody", configures(), false},
		{"nobody votes", configures(raft.Server{ID: "a", Address: "b", Suffrage: raft.Nonvoter}), false},
		{"suffrage to come", configures(node("a", "b"), raft.Server{ID: "c", Address: "d", Suffrage: raft.Staging + 1}), false},
		{"too many", configures(many...), false},
		{"many", configures(many[1:]...), true},
		{"vote", vote(func(*raft.RequestVoteRequest) {}), true},
		{"vote for nobody", vote(func(r *raft.RequestVoteRequest) { r.Addr = nil }), false},
		{"vote in term 0", vote(func(r *raft.RequestVoteRequest) { r.Term, r.LastLogTerm = 0, 0 }), false},
		{"vote for a later log", vote(func(r *raft.RequestVoteRequest) { r.LastLogTerm = 9 }), false},
		{"pre-vote", preVote(8, 7), true},
		{"pre-vote in term 0", preVote(0, 0), false},
		{"pre-vote for a later log", preVote(8, 9), false},
		{"pre-vote of nobody", &raft.RequestPreVoteRequest{Term: 8}, false},
		{"call", &raft.TimeoutNowRequest{RPCHeader: header}, true},
		{"call of nobody", &raft.TimeoutNowRequest{}, false},
		{"snapshot", snapshot(func(*raft.InstallSnapshotRequest) {}), true},
		{"snapshot of nobody", snapshot(func(r *raft.InstallSnapshotRequest) { r.ID = nil }), false},
		{"snapshot in term 0", snapshot(func(r *raft.InstallSnapshotRequest) { r.Term, r.LastLogTerm = 0, 0 }), false},
		{"snapshot of a later term", snapshot(func(r *raft.InstallSnapshotRequest) { r.LastLogTerm = 8 }), false},
		{"snapshot of no term", snapshot(func(r *raft.InstallSnapshotRequest) { r.LastLogTerm = 0 }), false},
		{"snapshot of nothing", snapshot(func(r *raft.InstallSnapshotRequest) { r.LastLogIndex, r.ConfigurationIndex = 0, 0 }), false},
		{"snapshot too far ahead", snapshot(func(r *raft.InstallSnapshotRequest) { r.LastLogIndex = 41 + maxLeap }), false},
		{"configuration after the snapshot", snapshot(func(r *raft.InstallSnapshotRequest) { r.ConfigurationIndex = r.LastLogIndex + 1 }), false},
		{"snapshot without a configuration", snapshot(func(r *raft.InstallSnapshotRequest) { r.Configuration = nil }), false},
		{"snapshot of old", snapshot(func(r *raft.InstallSnapshotRequest) { r.SnapshotVersion = 0 }), false},
		{"snapshot to come", snapshot(func(r *raft.InstallSnapshotRequest) { r.SnapshotVersion = 2 }), false},
		{"large snapshot", snapshot(func(r *raft.InstallSnapshotRequest) { r.Size = maxSnapshot }), true},
		{"larger snapshot", snapshot(func(r *raft.InstallSnapshotRequest) { r.Size = maxSnapshot + 1 }), false},
		{"less than a snapshot", snapshot(func(r *raft.InstallSnapshotRequest) { r.Size = -1 }), false},
		{"something else", "request", false},
	}
	for _, tt := range tests {
		err := place{term: 7, index: 40}.vet(tt.request)
		if (err == nil) != tt.fine || err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// A term at its end in an answer would have a leader stand for term 0 next.
func TestTermsOfAnswers(t *testing.T) {
	x := newTalking()
	trans := newTransport(x.Node, deaf{newQueue(nil)}, nil)
	defer trans.Close()
	for term, fine := range map[uint64]bool{0: true, 8: true, maxLeap: true, maxLeap + 1: false, math.MaxUint64: false} {
		if err := trans.sound(nil, &term); (err == nil) != fine {
			t.Errorf("an answer of term %d: %v", term, err)
		}
	}
	term := uint64(8)
	if err := trans.sound(errHung, &term); !errors.Is(err, errHung) {
		t.Errorf("the request's own error becomes %v", err)
	}
}

func TestSnapshotsAreReadWhole(t *testing.T) {
	good := `{"drained":["lb1"]}`
	tests := []struct {
		content string
		size    int
		fine    bool
	}{
		{good, len(good), true},
		{good + "what comes behind", len(good), true},
		{good, len(good) + 1, false},
		{good[:9], 9, false},
		{"", 0, false},
		{"null", 4, false},
		{"no", 2, false},
		{`{"history":[` + strings.Repeat("{},", state.HistoryLimit) + `{}]}`, 12 + 3*state.HistoryLimit + 4, false},
	}
	for _, tt := range tests {
		content, err := readSnapshot(strings.NewReader(tt.content), int64(tt.size))
		if (err == nil) != tt.fine || tt.fine && string(content) != tt.content[:tt.size] {
			t.Errorf("%d bytes of %.20q: %q, %v", tt.size, tt.content, content, err)
		}
	}
}

// FuzzConfiguration holds vetConfiguration to its promise: the library decodes what it
// lets pass, and writes the like.
func FuzzConfiguration(f *testing.F) {
	f.Add(configured(raft.Server{ID: "lb1", Address: "127.0.0.1:1"}, raft.Server{ID: "lb2", Address: "[::1]:2", Suffrage: raft.Nonvoter}))
	f.Add(configured())
	f.Add([]byte("rubbish"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if vetConfiguration(data) != nil {
			return
		}
		again := configured(raft.DecodeConfiguration(data).Servers...)
		if err := vetConfiguration(again); err != nil {
			t.Fatalf("%q passes, and as %q does not: %v", data, again, err)
		}
		if !bytes.Equal(again, configured(raft.DecodeConfiguration(again).Servers...)) {
			t.Fatalf("%q changes by being decoded", again)
		}
	})
}
