package cluster

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

type sink struct {
	bytes.Buffer
	err      error
	canceled bool
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(p)
}
func (s *sink) Close() error  { return nil }
func (s *sink) ID() string    { return "test" }
func (s *sink) Cancel() error { s.canceled = true; return nil }

func command(t *testing.T, c state.Command) []byte {
	t.Helper()
	entry, err := state.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestSnapshotAndRestore(t *testing.T) {
	signals := 0
	f := &fsm{changed: func() { signals++ }}
	f.Apply(&raft.Log{Index: 8, Data: command(t, state.Command{Drain: &state.Drain{Node: "lb2", Drained: true}})})
	f.Apply(&raft.Log{Index: 9, Data: command(t, state.Command{Claim: &state.Claim{Time: time.Unix(1, 0).UTC(), Term: 3, Node: "lb1"}})})
	if signals != 2 {
		t.Errorf("%d signals for two commands", signals)
	}
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Release()
	f.Apply(&raft.Log{Index: 10, Data: command(t, state.Command{Drain: &state.Drain{Node: "lb3", Drained: true}})})
	var out sink
	if err := snap.Persist(&out); err != nil {
		t.Fatal(err)
	}
	restored := &fsm{changed: func() { signals++ }}
	if err := restored.Restore(io.NopCloser(&out.Buffer)); err != nil {
		t.Fatal(err)
	}
	if signals != 4 {
		t.Error("a restore is not signalled")
	}
	got := restored.read()
	want := state.State{
		Applied: 9,
		Drained: []string{"lb2"},
		History: []state.Move{{Time: time.Unix(1, 0).UTC(), Term: 3, To: "lb1", Reason: "first owner"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotThatCannotBeWrittenIsCanceled(t *testing.T) {
	out := sink{err: errors.New("no space left on device")}
	if err := snapshot("x").Persist(&out); !errors.Is(err, out.err) || !out.canceled {
		t.Errorf("%v, canceled: %t", err, out.canceled)
	}
}

func TestEntryOfANewerPerchIsSkipped(t *testing.T) {
	var log bytes.Buffer
	f := &fsm{changed: func() {}, skipped: tellOfNewer(slog.New(slog.NewTextHandler(&log, nil)))}
	f.Apply(&raft.Log{Index: 3, Data: []byte(`no JSON`)})
	for index := uint64(4); index <= 5; index++ {
		if err, _ := f.Apply(&raft.Log{Index: index, Data: []byte(`{"future":{}}`)}).(error); !errors.Is(err, state.ErrUnknownCommand) {
			t.Errorf("%v, want ErrUnknownCommand", err)
		}
	}
	if f.applied() != 5 {
		t.Error("the entry counts as not applied, and this node would never own")
	}
	if said := log.String(); strings.Count(said, "level=WARN") != 1 || !strings.Contains(said, "index=4") {
		t.Errorf("of two such entries it says %q", said)
	}
}

// What the library has handed on is not yet what the state knows.
func TestStateIsComplete(t *testing.T) {
	disk := newMemory()
	entry := command(t, state.Command{})
	if err := disk.StoreLogs([]*raft.Log{
		{Index: 7, Type: raft.LogCommand, Data: entry}, {Index: 8, Type: raft.LogNoop}, {Index: 9, Type: raft.LogCommand, Data: entry},
	}); err != nil {
		t.Fatal(err)
	}
	n := &Node{store: disk, fsm: &fsm{changed: func() {}}}
	for _, want := range []struct {
		applied, last uint64
		complete      bool
	}{{0, 6, true}, {0, 8, false}, {7, 8, true}, {7, 9, false}, {9, 9, true}} {
		n.fsm.state.Applied = want.applied
		if complete, err := n.complete(want.last); complete != want.complete || err != nil {
			t.Errorf("with entry %d applied, the state is complete up to %d: %t, %v", want.applied, want.last, complete, err)
		}
	}
}
