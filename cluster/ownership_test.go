package cluster

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// remembering is a node with a log of the given entries, the first at index 10:
// older ones were compacted into a snapshot.
func remembering(t *testing.T, types ...raft.LogType) *talking {
	t.Helper()
	x := newTalking()
	var err error
	if x.store, err = openStore(t.TempDir(), hclog.NewNullLogger(), x.fail); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.store.Close() })
	for i, kind := range types {
		if err := x.store.StoreLog(&raft.Log{Index: uint64(10 + i), Term: 7, Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestLeaderRecallsOnceItHasAppliedAllCommands(t *testing.T) {
	x := remembering(t, raft.LogCommand, raft.LogNoop, raft.LogCommand, raft.LogNoop)
	for applied, want := range map[uint64]bool{9: false, 10: false, 12: true, 13: true} {
		x.fsm.state.Applied, x.recalled = applied, 0
		if got := x.recalls(13, 7); got != want {
			t.Errorf("applied up to %d: recalls = %t, want %t", applied, got, want)
		}
	}
	x.fsm.state.Applied, x.recalled = 0, 7
	if !x.recalls(13, 7) {
		t.Error("what was known once in a term is forgotten")
	}
	if x.recalls(13, 8) {
		t.Error("what was known in an older term counts")
	}
}

// The last command of a snapshot may be far behind the snapshot's own index.
func TestLeaderRecallsWhatStandsInItsSnapshot(t *testing.T) {
	x := remembering(t, raft.LogNoop)
	x.fsm.state.Applied = 3
	if !x.recalls(10, 7) {
		t.Error("compacted entries count as not applied")
	}
	if len(x.fatal) > 0 {
		t.Errorf("the node ends: %v", <-x.fatal)
	}
}

// A leader that cannot read its log might own for ever without knowing that it is
// drained, or never own: it ends.
func TestLeaderThatCannotReadItsLogEnds(t *testing.T) {
	x := remembering(t, raft.LogNoop)
	x.store.begin() // from here on the library never gets to see what is damaged
	x.store.Close()
	if x.recalls(10, 7) {
		t.Error("an unread log counts as applied")
	}
	select {
	case err := <-x.fatal:
		if !strings.Contains(err.Error(), "raft.db: database not open") {
			t.Errorf("the node ends with %q", err)
		}
	default:
		t.Error("the node goes on")
	}
}

// The holder and the VIP manager ask for ownership: they must get an answer, also
// about a log that the library must not hear of any more.
func TestDamagedLogIsNoReasonToKeepTheOwnerWaiting(t *testing.T) {
	x := remembering(t)
	for i := range uint64(200) {
		if err := x.store.StoreLog(&raft.Log{Index: i + 1, Term: 7, Type: raft.LogCommand, Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	f := &folder{T: t, dir: filepath.Dir(x.store.(*store).log.path)}
	f.damage()
	x.store.begin()
	if x.recalls(200, 7) {
		t.Error("an unread log counts as applied")
	}
	if err := <-x.fatal; !errors.Is(err, errDamaged) {
		t.Errorf("the node ends with %v", err)
	}
}
