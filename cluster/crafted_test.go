package cluster

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/raft"
)

// The library's numbers of its requests.
const (
	rpcAppendEntries = iota
	rpcRequestVote
	rpcInstallSnapshot
	rpcTimeoutNow
	rpcRequestPreVote
)

// packed encodes as the library does.
func packed(v any) []byte {
	var out bytes.Buffer
	handle := &codec.MsgpackHandle{}
	handle.TimeNotBuiltin = true
	if err := codec.NewEncoder(&out, handle).Encode(v); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// framed is a request as it goes over a connection.
func framed(kind byte, request any, behind ...byte) []byte {
	return append(append([]byte{kind}, packed(request)...), behind...)
}

// header is what a request of lb3 begins with.
var header = raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("lb3"), Addr: []byte("127.0.0.3:7400")}

// fields are those of a request, to be encoded with others than it has.
func fields(term uint64, more map[string]any) map[string]any {
	all := map[string]any{
		"ProtocolVersion": 3, "ID": header.ID, "Addr": header.Addr, "Term": term,
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

// configured is an encoded configuration.
func configured(servers ...raft.Server) []byte {
	return raft.EncodeConfiguration(raft.Configuration{Servers: servers})
}

// onLog is where a node's log ends, and what it takes to add to it.
type onLog struct{ term, lastIndex, lastTerm uint64 }

// appending is a request that adds entries behind the log's end.
func (at onLog) appending(entries ...*raft.Log) *raft.AppendEntriesRequest {
	for i, entry := range entries {
		if entry != nil && entry.Index == 0 {
			entry.Index, entry.Term = at.lastIndex+1+uint64(i), at.term
		}
	}
	return &raft.AppendEntriesRequest{
		RPCHeader: header, Term: at.term, PrevLogEntry: at.lastIndex, PrevLogTerm: at.lastTerm,
		Entries: entries, LeaderCommitIndex: math.MaxUint64,
	}
}

// snapshotting is a request to take a snapshot.
func (at onLog) snapshotting(change func(*raft.InstallSnapshotRequest)) *raft.InstallSnapshotRequest {
	req := &raft.InstallSnapshotRequest{
		RPCHeader: header, SnapshotVersion: 1, Term: at.term, LastLogIndex: at.lastIndex + 10, LastLogTerm: at.term,
		Configuration: configured(raft.Server{ID: "lb1", Address: "127.0.0.1:1"}), ConfigurationIndex: 1, Size: 2,
	}
	change(req)
	return req
}

// str32 is the head of a string that claims a length.
func str32(length uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0xdb}, length) }

// crafted are requests to raft that no node sends, by name.
func crafted(at onLog) map[string][]byte {
	vote := func(change func(*raft.RequestVoteRequest)) []byte {
		req := &raft.RequestVoteRequest{RPCHeader: header, Term: at.term, LastLogIndex: at.lastIndex + 9, LastLogTerm: at.lastTerm, LeadershipTransfer: true}
		change(req)
		return framed(rpcRequestVote, req)
	}
	entries := func(list ...*raft.Log) []byte { return framed(rpcAppendEntries, at.appending(list...)) }
	snapshot := func(content string, change func(*raft.InstallSnapshotRequest)) []byte {
		return framed(rpcInstallSnapshot, at.snapshotting(change), []byte(content)...)
	}
	claims := func(field string, value []byte) []byte {
		return append(append([]byte{rpcAppendEntries, 0x81}, packed(field)...), value...)
	}
	return map[string][]byte{
		"entry that is nil":              entries(nil),
		"entry of an unknown type":       entries(&raft.Log{Type: 77}),
		"entry of a type of old":         entries(&raft.Log{Type: raft.LogAddPeerDeprecated, Data: packed([][]byte{[]byte("x")})}),
		"entries with a gap":             entries(&raft.Log{}, &raft.Log{Index: at.lastIndex + 9, Term: at.term}),
		"entry of a term to come":        entries(&raft.Log{Index: at.lastIndex + 1, Term: at.term + 1000}),
		"configuration of rubbish":       entries(&raft.Log{Type: raft.LogConfiguration, Data: []byte("rubbish")}),
		"configuration that is empty":    entries(&raft.Log{Type: raft.LogConfiguration}),
		"configuration without a voter":  entries(&raft.Log{Type: raft.LogConfiguration, Data: configured()}),
		"configuration with a twin":      entries(&raft.Log{Type: raft.LogConfiguration, Data: configured(raft.Server{ID: "a", Address: "b"}, raft.Server{ID: "a", Address: "c"})}),
		"configuration of 3 GB":          entries(&raft.Log{Type: raft.LogConfiguration, Data: append([]byte{0x81, 0xa1, 'x'}, binary.BigEndian.AppendUint32([]byte{0xc9}, 3<<30)...)}),
		"index at its end":               framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: at.term, PrevLogEntry: math.MaxUint64, PrevLogTerm: 1, Entries: []*raft.Log{{}}}),
		"term at its end":                framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: math.MaxUint64}),
		"vote in a term at its end":      vote(func(r *raft.RequestVoteRequest) { r.Term = math.MaxUint64 }),
		"vote for a long name":           vote(func(r *raft.RequestVoteRequest) { r.Addr = bytes.Repeat([]byte("x"), 300) }),
		"vote for nobody":                vote(func(r *raft.RequestVoteRequest) { r.Addr = nil }),
		"vote without a name":            vote(func(r *raft.RequestVoteRequest) { r.ID = nil }),
		"no header":                      framed(rpcAppendEntries, map[string]any{}),
		"protocol of the past":           framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ID: header.ID}, Term: at.term}),
		"protocol to come":               framed(rpcAppendEntries, fields(at.term, map[string]any{"ProtocolVersion": math.MaxInt64})),
		"call without a mark":            framed(rpcTimeoutNow, &raft.TimeoutNowRequest{RPCHeader: header}),
		"snapshot of 9 EB":               snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.Size = math.MaxInt64 }),
		"snapshot of less than nothing":  snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.Size = -1 }),
		"snapshot of rubbish":            snapshot("no", func(*raft.InstallSnapshotRequest) {}),
		"snapshot, configuration broken": snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.Configuration = []byte("rubbish") }),
		"snapshot without configuration": snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.Configuration = nil }),
		"snapshot at the end of indices": snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.LastLogIndex = math.MaxUint64 }),
		"snapshot of version 0":          snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.SnapshotVersion = 0; r.Peers = []byte("rubbish") }),
		"snapshot of version 99":         snapshot("{}", func(r *raft.InstallSnapshotRequest) { r.SnapshotVersion = 99 }),
		"snapshot that stays away":       snapshot("", func(r *raft.InstallSnapshotRequest) { r.Size = 1000 }),
		"unknown request":                framed(9, header),
		"string of 4 GB":                 claims("ID", str32(math.MaxUint32)),
		"time of 4 GB":                   append(append([]byte{rpcAppendEntries, 0x81}, packed("Entries")...), append(append([]byte{0x91, 0x81}, packed("AppendedAt")...), str32(math.MaxUint32)...)...),
		"extension of 4 GB":              claims("Unknown", binary.BigEndian.AppendUint32([]byte{0xc9}, math.MaxUint32)),
		"list of 4 billion":              claims("Entries", binary.BigEndian.AppendUint32([]byte{0xdd}, math.MaxUint32)),
		"a million empty entries":        append(claims("Entries", binary.BigEndian.AppendUint32([]byte{0xdd}, 1_000_000)), bytes.Repeat([]byte{0x80}, 1_000_000)...),
		"nested a million deep":          claims("Unknown", bytes.Repeat([]byte{0x91}, 1_000_000)),
		"no request at all":              bytes.Repeat([]byte{0xff, 0x00, 0xdb}, 100),
	}
}
