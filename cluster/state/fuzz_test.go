package state

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// known are entries as nodes write them.
func known(f *testing.F) [][]byte {
	var entries [][]byte
	for _, c := range []Command{
		claim(2, "lb1"),
		plan(2, "lb1", "transfer to lb2"),
		plan(2, "lb1", ""),
		because(CauseHealth, plan(2, "lb1", "lb1 is sick")),
		{Drain: &Drain{Node: "lb2", Drained: true}},
		{Drain: &Drain{Node: "lb2"}},
		{Linger: &Linger{Node: "lb3", For: 3 * time.Second}},
		{Server: &Server{Service: "web", Server: "10.0.0.11:80", Want: WantDrain}},
		{Server: &Server{Service: "web", Server: "10.0.0.11:80", Want: WantWeight, Weight: 7}},
		{Server: &Server{Service: "web", Server: "10.0.0.11:80", Want: WantUndrain}},
		{Server: &Server{Service: "web", Server: "10.0.0.11:80", Want: WantDefault}},
	} {
		entry, err := Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// FuzzApply holds Apply to its promises on any entry: it does not panic, an entry that
// it refuses changes nothing, and what it leaves is a state that a snapshot can keep.
func FuzzApply(f *testing.F) {
	for _, entry := range known(f) {
		f.Add(entry)
	}
	for _, entry := range []string{
		``, `null`, `{}`, `[]`, `{"future":1}`, `{"drain":null}`, `{"claim":{"time":"9999-12-31T23:59:59-23:59"}}`,
		`{"claim":{"time":"0000-01-01T00:00:00+23:59","term":18446744073709551615}}`, `{"linger":{"for_ns":-9223372036854775808}}`,
		`{"server":{"service":"\u0000","server":"\ufffd","want":"drain"}}`, `{"server":{"want":"weight","weight":4294967295}}`, `{"server":{"want":"burn"}}`,
	} {
		f.Add([]byte(entry))
	}
	before := known(f)
	f.Fuzz(func(t *testing.T, entry []byte) {
		var s State
		for i, entry := range before[:9] { // what is drained by then stays so
			if err := s.Apply(uint64(i+1), entry); err != nil {
				t.Fatal(err)
			}
		}
		old := s.Clone()
		if err := s.Apply(10, entry); err != nil {
			old.Applied = 10
			if diff := cmp.Diff(old, s); diff != "" {
				t.Fatalf("refused, and changes the state:\n%s", diff)
			}
		}
		checkKept(t, &s)
	})
}

// FuzzDecode holds Decode to its promises on any snapshot: it does not panic, one that
// it refuses changes nothing, and what it makes of another can be kept and changed.
func FuzzDecode(f *testing.F) {
	var s State
	for i, entry := range known(f) {
		if err := s.Apply(uint64(i+1), entry); err != nil {
			f.Fatal(err)
		}
		snapshot, err := s.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(snapshot)
	}
	for _, snapshot := range []string{``, `null`, `{}`, `[]`, `{"drained":["b","a","b"]}`, `{"plan":{}}`, `{"servers":{"web":{"a":{},"b":{"weight":0}},"dns":{},"ftp":null,"":{"":{}}}}`} {
		f.Add([]byte(snapshot))
	}
	entries := known(f)
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		before := State{Applied: 7, Drained: []string{"lb1"}}
		s := before.Clone()
		if err := s.Decode(snapshot); err != nil {
			if diff := cmp.Diff(before, s); diff != "" {
				t.Fatalf("refused, and changes the state:\n%s", diff)
			}
			return
		}
		checkKept(t, &s)
		for i, entry := range entries {
			if err := s.Apply(uint64(i), entry); err != nil && !errors.Is(err, ErrUnknownCommand) && !errors.Is(err, ErrTooManyOrders) {
				t.Fatal(err)
			}
		}
		if s.IsDrained("lb2") {
			t.Fatal("still drained after it was undrained")
		}
		checkKept(t, &s)
	})
}

// checkKept wants s to come through a snapshot as it is.
func checkKept(t *testing.T, s *State) {
	t.Helper()
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var again State
	if err := again.Decode(snapshot); err != nil {
		t.Fatalf("%v: %s", err, snapshot)
	}
	if diff := cmp.Diff(*s, again, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("a snapshot changes it:\n%s", diff)
	}
}
