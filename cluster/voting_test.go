package cluster

import (
	"slices"
	"testing"

	"github.com/hashicorp/raft"
)

// The names of the voters are kept only while the library cannot have come by another
// configuration since they were read.
func TestVotersAreReadAnewWhenTheyMayBeOthers(t *testing.T) {
	var e electorate
	var one, other raft.Raft
	latest, reads := []string{"lb1"}, 0
	read := func(*raft.Raft) []string { reads++; return latest }
	want := func(what string, of *raft.Raft, names []string, times int) {
		t.Helper()
		reads = 0
		if got := e.voters(of, read); !slices.Equal(got, names) || reads != times {
			t.Errorf("%s: %q after %d readings, want %q after %d", what, got, reads, names, times)
		}
	}
	want("the first time", &one, []string{"lb1"}, 1)
	want("again", &one, []string{"lb1"}, 0)

	e.begun.Add(1)
	want("while an entry is written", &one, []string{"lb1"}, 1)
	latest = []string{"lb1", "lb2"}
	want("once it is the latest configuration", &one, latest, 1)
	latest = []string{"lb1", "lb3"}
	want("which it may not have been yet", &one, latest, 1)
	e.done.Store(1)
	want("when the main loop is done with it", &one, latest, 1)
	want("and again", &one, latest, 0)

	latest = []string{"lb2"}
	want("of another life of the library", &other, latest, 1)
	kept := e.voters(&other, read)
	_ = append(kept, "lb9")
	want("what is appended is not kept", &other, latest, 0)

	// A change begins while the names are read.
	e.begun.Add(1)
	e.done.Store(2)
	latest = []string{"lb3"}
	e.voters(&other, func(*raft.Raft) []string { e.begun.Add(1); return latest })
	want("read while a change began", &other, latest, 1)
}

// What another configuration may follow is counted before it is written.
func TestChangesAreHeralded(t *testing.T) {
	var e electorate
	disk := newMemory()
	h := heralding{disk, &e}
	configured := &raft.Log{Index: 1, Type: raft.LogConfiguration}
	for name, tt := range map[string]struct {
		do   func() error
		want uint64
	}{
		"a configuration":       {func() error { return h.StoreLog(configured) }, 1},
		"one among others":      {func() error { return h.StoreLogs([]*raft.Log{{Index: 2, Type: raft.LogCommand}, configured}) }, 1},
		"a command":             {func() error { return h.StoreLog(&raft.Log{Index: 3, Type: raft.LogCommand}) }, 0},
		"a new leader's first":  {func() error { return h.StoreLogs([]*raft.Log{{Index: 3, Type: raft.LogNoop}}) }, 0},
		"a log that is cut off": {func() error { return h.DeleteRange(3, 3) }, 1},
		"a snapshot":            {func() error { _, err := h.Create(1, 2, 1, raft.Configuration{}, 1, nil); return err }, 1},
	} {
		before := e.begun.Load()
		if err := tt.do(); err != nil || e.begun.Load()-before != tt.want {
			t.Errorf("%s: counted %d times, %v, want %d", name, e.begun.Load()-before, err, tt.want)
		}
	}
}
