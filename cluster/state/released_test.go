package state

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What follows is frozen: the shapes by which the first version that was released reads the log
// and snapshots. Nothing here is to be made like the types of today.

type frozenCommand struct {
	Drain *struct {
		Node    string `json:"node"`
		Drained bool   `json:"drained"`
	} `json:"drain,omitempty"`
	Plan  *frozenPlan `json:"plan,omitempty"`
	Claim *struct {
		Time time.Time `json:"time"`
		Term uint64    `json:"term"`
		Node string    `json:"node"`
	} `json:"claim,omitempty"`
	Linger *struct {
		Node string        `json:"node"`
		For  time.Duration `json:"for_ns"`
	} `json:"linger,omitempty"`
	Server *struct {
		Service string `json:"service"`
		Server  string `json:"server"`
		Want    string `json:"want"`
		Weight  uint32 `json:"weight,omitempty"`
	} `json:"server,omitempty"`
}

type frozenPlan struct {
	Term   uint64 `json:"term"`
	From   string `json:"from"`
	Reason string `json:"reason"`
	Cause  string `json:"cause,omitempty"`
}

type frozenMove struct {
	Time   time.Time `json:"time"`
	Term   uint64    `json:"term"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason"`
	Cause  string    `json:"cause,omitempty"`
}

type frozenState struct {
	Applied uint64                   `json:"applied,omitempty"`
	Drained []string                 `json:"drained,omitempty"`
	History []frozenMove             `json:"history,omitempty"`
	Plan    *frozenPlan              `json:"plan,omitempty"`
	Lingers map[string]time.Duration `json:"lingers_ns,omitempty"`
	Servers map[string]map[string]struct {
		Drain  bool    `json:"drain,omitempty"`
		Weight *uint32 `json:"weight,omitempty"`
	} `json:"servers,omitempty"`
}

// released are entries that use all that the released version knows, and as it writes them.
var released = []string{
	`{"claim":{"time":"2026-11-28T01:17:14.492Z","term":2,"node":"lb2"}}`,
	`{"plan":{"term":2,"from":"lb2","reason":"lb2 is sick","cause":"health"}}`,
	`{"claim":{"time":"2026-11-28T01:17:14.724Z","term":3,"node":"lb1"}}`,
	`{"drain":{"node":"lb3","drained":true}}`,
	`{"linger":{"node":"lb1","for_ns":3000000000}}`,
	`{"server":{"service":"web","server":"10.0.0.11:80","want":"drain"}}`,
	`{"server":{"service":"web","server":"10.0.0.12:80","want":"weight","weight":7}}`,
	`{"plan":{"term":3,"from":"lb1","reason":"lb1 was stopped"}}`,
}

// remembered is the snapshot of the released version after them.
const remembered = `{"applied":8,"drained":["lb3"],"history":[` +
	`{"time":"2026-11-28T01:17:14.492Z","term":2,"from":"","to":"lb2","reason":"first owner"},` +
	`{"time":"2026-11-28T01:17:14.724Z","term":3,"from":"lb2","to":"lb1","reason":"lb2 is sick","cause":"health"}],` +
	`"plan":{"term":3,"from":"lb1","reason":"lb1 was stopped"},"lingers_ns":{"lb1":3000000000},` +
	`"servers":{"web":{"10.0.0.11:80":{"drain":true},"10.0.0.12:80":{"weight":7}}}}`

// The entries of a released version come to the same state here, byte for byte, and what they
// are written as is the same.
func TestEntriesOfReleasedVersions(t *testing.T) {
	var s State
	for i, entry := range released {
		if err := s.Apply(uint64(i+1), []byte(entry)); err != nil {
			t.Fatal(err)
		}
		c, err := decode([]byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Encode(c); err != nil || string(again) != entry {
			t.Errorf("%s is written as %s (%v)", entry, again, err)
		}
	}
	if snapshot, err := s.Encode(); err != nil || string(snapshot) != remembered {
		t.Errorf("they come to\n%s (%v), want\n%s", snapshot, err, remembered)
	}
	var restored State
	if err := restored.Decode([]byte(remembered)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, restored); diff != "" {
		t.Error(diff)
	}
}

// frozen reads what is written here as the released version does, and returns what it then has.
func frozen[T any](t *testing.T, text []byte) []byte {
	t.Helper()
	var old T
	if err := json.Unmarshal(text, &old); err != nil {
		t.Fatalf("the released version does not read %s: %v", text, err)
	}
	again, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// Of what is written here a released version understands all but for how long an outage was,
// by which nothing is decided.
func TestReleasedVersionsReadEntriesAndSnapshots(t *testing.T) {
	var s State
	for i, entry := range released {
		c, err := decode([]byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		if c.Claim != nil {
			c.Claim.Outage = Outage{For: time.Second, Known: AtMost}
		}
		written, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := frozen[frozenCommand](t, written); string(got) != entry {
			t.Errorf("of %s the released version reads %s", written, got)
		}
		if err := s.Apply(uint64(i+1), written); err != nil {
			t.Fatal(err)
		}
	}
	if s.History[1].Outage == (Outage{}) {
		t.Error("the outage is not in the history")
	}
	snapshot, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := frozen[frozenState](t, snapshot); string(got) != remembered {
		t.Errorf("of the snapshot\n%s the released version reads\n%s", snapshot, got)
	}
}

// A released version skips an entry of a kind that it does not know, and its snapshots lack what
// came of it: nodes of both versions would not remember the same. Whoever adds one lets the
// leader write it only where all members know of it.
func TestReleasedVersionsKnowEveryKind(t *testing.T) {
	old := reflect.TypeFor[frozenCommand]()
	for field := range reflect.TypeFor[Command]().Fields() {
		if is, known := old.FieldByName(field.Name); !known || is.Tag != field.Tag {
			t.Errorf("the released version skips entries of the kind %s", field.Name)
		}
	}
}
