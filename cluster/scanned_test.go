package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/raft"
)

// spoken are requests as nodes send them.
func spoken() [][]byte {
	at := onLog{term: 7, lastIndex: 40, lastTerm: 6}
	entries := []*raft.Log{
		{Data: []byte(`{"drain":{"node":"lb2","drained":true}}`), AppendedAt: time.Unix(1800000000, 7).UTC()},
		{Type: raft.LogConfiguration, Data: configured(raft.Server{ID: "lb1", Address: "127.0.0.1:1"}, raft.Server{ID: "lb2", Address: "[::1]:2", Suffrage: raft.Nonvoter})},
		{Type: raft.LogNoop},
		{Type: raft.LogBarrier},
	}
	return [][]byte{
		framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: 7}),
		framed(rpcAppendEntries, at.appending(entries...)),
		framed(rpcAppendEntries, &raft.AppendEntriesRequest{RPCHeader: header, Term: 7, Entries: []*raft.Log{{Index: 1, Term: 1}}}),
		framed(rpcRequestVote, &raft.RequestVoteRequest{RPCHeader: header, Term: 8, LastLogIndex: 40, LastLogTerm: 7, LeadershipTransfer: true}),
		framed(rpcRequestPreVote, &raft.RequestPreVoteRequest{RPCHeader: header, Term: 8}),
		framed(rpcInstallSnapshot, at.snapshotting(func(*raft.InstallSnapshotRequest) {}), '{', '}'),
		framed(rpcTimeoutNow, calling(&raft.TimeoutNowRequest{RPCHeader: header}, call{term: 7, clear: true})),
	}
}

// scanned is a pass over data in pieces: how much of it was fine.
func scanned(s *scanner, data []byte, piece int) (fine int, err error) {
	for len(data) > 0 {
		n := min(piece, len(data))
		if err := s.scan(data[:n]); err != nil {
			return fine, err
		}
		fine, data = fine+n, data[n:]
	}
	return fine, nil
}

func TestWhatNodesSendPassesTheScan(t *testing.T) {
	all := bytes.Join(spoken(), nil)
	for _, piece := range []int{1, 7, len(all)} {
		s := scanner{requests: true}
		if fine, err := scanned(&s, all, piece); err != nil || s.inside() {
			t.Errorf("in pieces of %d: stopped after %d of %d bytes: %v", piece, fine, len(all), err)
		}
	}
	answers := slices.Concat(packed(""), packed(&raft.AppendEntriesResponse{RPCHeader: header, Term: 7, LastLog: 9, Success: true}),
		packed("an error"), packed(nil), packed(&raft.InstallSnapshotResponse{RPCHeader: header, Term: 7}))
	var s scanner
	if _, err := scanned(&s, answers, 1); err != nil || s.inside() {
		t.Errorf("answers: %v", err)
	}
}

func TestTheScanKnowsWhereAMessageEnds(t *testing.T) {
	for _, request := range spoken() {
		s := scanner{requests: true}
		for i := range request {
			if i > 0 && !s.inside() {
				t.Fatalf("over after %d of %d bytes", i, len(request))
			}
			if err := s.scan(request[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if s.inside() {
			t.Errorf("not over after all %d bytes", len(request))
		}
	}
}

// What claims more than it may is refused as soon as it claims it.
func TestClaimsAreRefusedAtOnce(t *testing.T) {
	key := func(name string) []byte { return append([]byte{rpcInstallSnapshot, 0x82}, packed(name)...) }
	number := func(head byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{head}, n) }
	tests := map[string][]byte{
		"string":             append(key("ID"), str32(maxMessage+1)...),
		"bytes":              append(key("ID"), 0xc6, 0xff, 0xff, 0xff, 0xff),
		"list":               append(key("Entries"), 0xdd, 0xff, 0xff, 0xff, 0xff),
		"map":                append(key("Entries"), 0xdf, 0xff, 0xff, 0xff, 0xff),
		"nesting":            append(key("Entries"), bytes.Repeat([]byte{0x91}, maxNesting)...),
		"extension":          append(key("ID"), 0xc9),
		"fraction":           append(key("Term"), 0xcb),
		"number as a key":    {rpcAppendEntries, 0x81, 7},
		"bytes as a key":     {rpcAppendEntries, 0x81, 0xc4},
		"no map":             {rpcAppendEntries, 0x91},
		"kind":               {kindLast + 1},
		"content":            append(key("Size"), number(0xcf, maxSnapshot+1)...),
		"endless content":    append(key("Size"), number(0xcf, math.MaxUint64)...),
		"content below zero": append(key("Size"), number(0xd3, math.MaxUint64)...),
		"content minus one":  append(key("Size"), 0xff),
		"content of text":    append(key("Size"), 0xa1),
		"content of nothing": append(key("Size"), 0xc0),
		"content of a list":  append(key("Size"), 0x91),
	}
	for name, data := range tests {
		s := scanner{requests: true}
		if fine, err := scanned(&s, data, 1); !errors.Is(err, errMalformed) || fine != len(data)-1 {
			t.Errorf("%s: %v after %d of %d bytes", name, err, fine, len(data))
		}
	}
	long := append(key("a"), bytes.Repeat(slices.Concat([]byte{0xc6, 0, 8, 0, 0}, make([]byte, 512<<10)), 3)...)
	s := scanner{requests: true}
	if err := s.scan(append([]byte{rpcAppendEntries, 0x81, 0xa1, 'a', 0x93}, long[4:]...)); !errors.Is(err, errMalformed) {
		t.Errorf("a message over the limit: %v", err)
	}
}

// FuzzScan holds the scan to its promises: however the bytes come it says the same,
// and where it sees a request the library decodes no more than that, and with the same
// content behind it.
func FuzzScan(f *testing.F) {
	for _, request := range spoken() {
		f.Add(request, uint8(3))
	}
	for _, request := range crafted(onLog{term: 7, lastIndex: 40, lastTerm: 6}) {
		if len(request) < 1000 {
			f.Add(request, uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		one, many := scanner{requests: true}, scanner{requests: true}
		_, err := scanned(&one, data, len(data)+1)
		fine, inPieces := scanned(&many, data, int(piece)+1)
		if (err == nil) != (inPieces == nil) || err == nil && one != many {
			t.Fatalf("whole: %v, in pieces: %v", err, inPieces)
		}
		_ = whole(data)
		request, size, ok := first(data[:fine])
		if !ok {
			return
		}
		reader := bytes.NewReader(request[1:])
		decoded, err := decodeAs(request[0], reader)
		if err != nil {
			return
		}
		if reader.Len() != 0 {
			t.Fatalf("the library leaves %d of %d bytes", reader.Len(), len(request))
		}
		if snapshot, is := decoded.(*raft.InstallSnapshotRequest); is && snapshot.Size != int64(size) {
			t.Fatalf("content of %d bytes, the library expects %d", size, snapshot.Size)
		}
		_ = place{term: 7, index: 40}.vet(decoded)
	})
}

// first returns the first request of a stream, and the size of the content behind it.
func first(data []byte) (request []byte, content int, ok bool) {
	s := scanner{requests: true}
	for i := range data {
		if s.scan(data[i:i+1]) != nil {
			return nil, 0, false
		}
		if s.size == 0 {
			return data[:i+1], s.skip, true
		}
	}
	return nil, 0, false
}

// decodeAs decodes a request as the library does.
func decodeAs(kind byte, r io.Reader) (any, error) {
	requests := map[byte]any{
		rpcAppendEntries: new(raft.AppendEntriesRequest), rpcRequestVote: new(raft.RequestVoteRequest),
		rpcInstallSnapshot: new(raft.InstallSnapshotRequest), rpcTimeoutNow: new(raft.TimeoutNowRequest),
		rpcRequestPreVote: new(raft.RequestPreVoteRequest),
	}
	return requests[kind], codec.NewDecoder(r, &codec.MsgpackHandle{}).Decode(requests[kind])
}

// A request that has begun has to come; between two there may be any time.
func TestRequestsComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		conn := &asking{Conn: near, heard: scanner{requests: true}}
		defer conn.Close()
		request := spoken()[0]
		hear := func() (time.Duration, error) {
			begin := time.Now()
			_, err := conn.Read(make([]byte, 1000))
			return time.Since(begin), err
		}
		for range 2 {
			time.AfterFunc(time.Hour, func() { far.Write(request[:9]) })
			if took, err := hear(); err != nil || took != time.Hour {
				t.Errorf("the first part after %s, %v", took, err)
			}
			time.AfterFunc(messageLimit/2, func() { far.Write(request[9:]) })
			if took, err := hear(); err != nil || took != messageLimit/2 {
				t.Errorf("the rest after %s, %v", took, err)
			}
		}
		time.AfterFunc(time.Hour, func() { far.Write(request[:9]) })
		hear()
		time.AfterFunc(messageLimit/2, func() { far.Write(request[9:10]) })
		hear()
		if took, err := hear(); !errors.Is(err, os.ErrDeadlineExceeded) || took != messageLimit/2 {
			t.Errorf("half a request is waited for until %s, %v", took, err)
		}
	})
}

// parrot is a connection that says one thing again and again.
type parrot struct {
	net.Conn
	says []byte
}

func (p *parrot) Read(to []byte) (int, error) { return copy(to, p.says), nil }

// The scan of a heartbeat costs no memory.
func TestHotPathScan(t *testing.T) {
	heartbeat := spoken()[0]
	conn := &asking{Conn: &parrot{says: heartbeat}, heard: scanner{requests: true}}
	request := &raft.AppendEntriesRequest{RPCHeader: header, Term: 7}
	buffer := make([]byte, 256<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := conn.Read(buffer); err != nil {
			t.Fatal(err)
		}
		if err := (place{term: 7}).vet(request); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkHeartbeatScan(b *testing.B) {
	conn := &asking{Conn: &parrot{says: spoken()[0]}, heard: scanner{requests: true}}
	request := &raft.AppendEntriesRequest{RPCHeader: header, Term: 7}
	buffer := make([]byte, 256<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Read(buffer); err != nil {
			b.Fatal(err)
		}
		if err := (place{term: 7}).vet(request); err != nil {
			b.Fatal(err)
		}
	}
}
