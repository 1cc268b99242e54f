package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/hashicorp/raft"
)

// FuzzQuestion lets a node without a cluster hear any question: it answers, and does
// nothing of what only a leader can.
func FuzzQuestion(f *testing.F) {
	for _, q := range []string{
		`{"birth":"ab"}`, `{"birth":"ab","admit":{"address":"127.0.0.3:7400","joining":true}}`, `{"remove":"lb1"}`, `{"remove":"lb2"}`,
		`{"linger_ns":3000000000}`, `{"linger_ns":-1}`, `null`, `{`,
	} {
		f.Add([]byte(q))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var q question
		if readParley(bytes.NewReader(data), &q) != nil || q.check() != nil {
			return
		}
		x := newTalking()
		asks := q.Admit != nil || q.Remove != "" || q.Linger != nil
		a := x.hear(t.Context(), "lb3", q)
		if (a.Error != "") != asks {
			t.Fatalf("%+v is answered with %q", q, a.Error)
		}
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAnswer lets a new node go by any answer of another one.
func FuzzAnswer(f *testing.F) {
	for _, a := range []answer{
		{Birth: "ab", List: "lb1 at 127.0.0.1:1", Listed: []string{"lb1"}},
		{Birth: "ab", Member: true, Founders: map[string]string{"lb1": "cd"}, Leader: "lb2", Members: []Member{{Name: "lb4", Voter: true}}, Standing: outside, Index: 7},
		{Error: ErrChanging.Error()},
	} {
		data, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"members":[{"address":"[fe80::1%eth0]:1"},null,{"address":""}],"founders":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a answer
		if readParley(bytes.NewReader(data), &a) != nil || a.check() != nil {
			return
		}
		x := newTalking()
		x.member.Store(false)
		answers, failures := map[string]answer{"lb2": a}, map[string]error{"lb3": errors.New("down")}
		x.meet(answers)
		if verdict, why := x.judge(answers, failures); verdict == notYet && why == "" {
			t.Fatal("waits, and does not say for what")
		}
		if len(x.peers()) > 3+maxServers {
			t.Fatalf("knows %d nodes now", len(x.peers()))
		}
		if leader := leaderOf(answers); leader != "" && (leader != a.Leader || !a.Member) {
			t.Fatalf("%q is taken for the leader", leader)
		}
		if x.noLeader(answers, failures) == nil {
			t.Fatal("no leader, and no reason")
		}
		if (a.err() == nil) != (a.Error == "") {
			t.Fatalf("%q becomes %v", a.Error, a.err())
		}
	})
}

// FuzzMarks reads what rides on the library's messages from any bytes.
func FuzzMarks(f *testing.F) {
	var resp raft.AppendEntriesResponse
	for _, marking := range []func(){func() { resp.Addr = marked(markGrant, 100*ms) }, func() { resp.Addr = marked(markTaken, maxGrant) }, func() { resp.Addr = marked(markGrant, 2*maxGrant) }} {
		marking()
		f.Add(resp.Addr)
	}
	f.Add(calling(&raft.TimeoutNowRequest{}, call{term: 7, clear: true}).Addr)
	f.Add([]byte("127.0.0.1:7400"))
	f.Fuzz(func(t *testing.T, addr []byte) {
		resp := &raft.AppendEntriesResponse{RPCHeader: raft.RPCHeader{Addr: addr}}
		given, said := granted(resp), stated(resp)
		if given != 0 && (given < minGrant || given > maxGrant || said != given) {
			t.Fatalf("a grant of %s, and %s stated", given, said)
		}
		if said < 0 || said > maxGrant {
			t.Fatalf("%s stated", said)
		}
		c := callOf(&raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{Addr: addr}})
		if again := callOf(calling(&raft.TimeoutNowRequest{}, c)); again != c {
			t.Fatalf("%+v, and said again %+v", c, again)
		}
	})
}

// FuzzRestore restores any snapshot: one that is refused changes nothing.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"applied":7,"drained":["lb1"],"lingers_ns":{"lb2":1000}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		machine := &fsm{changed: func() {}}
		content, err := readSnapshot(bytes.NewReader(snapshot), int64(len(snapshot)))
		if restored := machine.Restore(io.NopCloser(bytes.NewReader(snapshot))); (restored == nil) != (err == nil) {
			t.Fatalf("read with %v, and restored with %v", err, restored)
		}
		if err != nil {
			return
		}
		_ = machine.Apply(&raft.Log{Index: 8, Data: content})
		if _, err := machine.Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}
