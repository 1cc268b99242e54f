package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// folder is that of a node, with its store open.
type folder struct {
	*testing.T
	dir string
	*store
}

func (f *folder) open() error {
	f.Helper()
	s, err := openStore(f.dir, hclog.NewNullLogger(), func(err error) { f.Error(err) })
	f.store = s
	return err
}

func newFolder(t *testing.T) *folder {
	f := &folder{T: t, dir: filepath.Join(t.TempDir(), "raft")}
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *folder) close() {
	f.Helper()
	f.do(f.store.Close())
}

func (f *folder) do(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) remove(name string) {
	f.Helper()
	f.do(os.RemoveAll(f.path(name)))
}

func (f *folder) rename(from, to string) {
	f.Helper()
	f.do(os.Rename(from, to))
}

// bootstrap writes what the library writes first.
func (f *folder) bootstrap() {
	f.Helper()
	f.do(f.SetUint64([]byte("CurrentTerm"), 1))
	f.do(f.StoreLog(&raft.Log{Index: 1, Term: 1}))
}

// A folder in which one of the files is gone, damaged, or of another time or
// place is not opened: the node could vote twice.
func TestStoreRefusals(t *testing.T) {
	tests := map[string]struct {
		harm func(f *folder)
		want string
	}{
		"ballot gone, raft.db has entries": {func(f *folder) {
			f.bootstrap()
			f.close()
			f.remove("ballot")
		}, "missing beside a raft.db in use"},
		"ballot gone, no entry yet": {func(f *folder) {
			f.close()
			f.remove("ballot")
		}, "missing beside a raft.db in use"},
		"both gone, a snapshot left": {func(f *folder) {
			sink, err := f.SnapshotStore.Create(raft.SnapshotVersionMax, 9, 4, raft.Configuration{}, 1, nil)
			f.do(err)
			f.do(sink.Close())
			f.close()
			f.remove("ballot")
			f.remove("raft.db")
		}, "missing beside a raft.db in use"},
		"raft.db gone after a vote": {func(f *folder) {
			f.do(vote(f, 5, "lb2:7400"))
			f.close()
			f.remove("raft.db")
		}, "made for another raft.db"},
		"ballot of another node": {func(f *folder) {
			other := newFolder(f.T)
			other.bootstrap()
			f.bootstrap()
			other.close()
			f.close()
			f.rename(other.path("ballot"), f.path("ballot"))
		}, "made for another raft.db"},
		"ballot of an older time": {func(f *folder) {
			old, err := os.ReadFile(f.path("ballot"))
			f.do(err)
			f.do(f.SetUint64([]byte("CurrentTerm"), 3))
			f.do(f.StoreLog(&raft.Log{Index: 1, Term: 3}))
			f.close()
			f.do(os.WriteFile(f.path("ballot"), old, 0o600))
		}, "of term 0, but the log is of term 3"},
		"ballot damaged": {func(f *folder) {
			f.close()
			f.do(os.WriteFile(f.path("ballot"), make([]byte, 2*blockSize), 0o600))
		}, "both copies are damaged"},
		"ballot empty": {func(f *folder) {
			f.close()
			f.do(os.Truncate(f.path("ballot"), 0))
		}, "both copies are damaged"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			test.harm(f)
			for range 2 { // nor by a second try
				err := f.open()
				if err == nil {
					f.close()
					t.Fatal("opened")
				}
				for _, want := range []string{f.path("ballot") + ": ", test.want, "empty " + f.dir + " and start"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v, want %q", err, want)
					}
				}
			}
		})
	}
}

// A first start that was cut short anywhere is taken up again.
func TestFirstStartCutShort(t *testing.T) {
	tests := map[string]func(f *folder){
		"nothing done":        func(f *folder) { f.remove("") },
		"raft.db made":        func(f *folder) { f.remove("ballot"); f.emptyLog() },
		"ballot begun":        func(f *folder) { f.rename(f.path("ballot"), f.path("ballot.new")); f.emptyLog() },
		"ballot made":         func(f *folder) { f.emptyLog() },
		"ballot made, no log": func(f *folder) { f.remove("raft.db") },
		"bootstrap not begun": func(*folder) {},
		"bootstrap half done": func(f *folder) {
			f.do(f.open())
			f.do(f.SetUint64([]byte("CurrentTerm"), 1))
			f.close()
		},
	}
	for name, cut := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			f.close()
			cut(f)
			f.do(f.open())
			known, err := raft.HasExistingState(f, f, f.SnapshotStore)
			if known || err != nil {
				t.Errorf("the library takes the node for an old one, and would not bootstrap: %v, %v", known, err)
			}
			f.bootstrap()
			f.do(vote(f, 2, "lb3:7400"))
			f.close()
			f.do(f.open())
			defer f.close()
			want := ballot{CurrentTerm: 2, LastVoteTerm: 2, LastVoteCand: "lb3:7400"}
			if got := stable(t, f); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// emptyLog makes a raft.db without entry or mark in place of the one there is.
func (f *folder) emptyLog() {
	f.Helper()
	f.remove("raft.db")
	db, err := raftboltdb.NewBoltStore(f.path("raft.db"))
	f.do(err)
	f.do(db.Close())
}

// A term or vote that cannot be written is told to the daemon, and the library
// does not get to hear of it.
func TestFailedBallotEnds(t *testing.T) {
	f := newFolder(t)
	failed := make(chan error, 1)
	f.failed = func(err error) { failed <- err }
	f.ballot.broken = errDisk
	go f.SetUint64([]byte("CurrentTerm"), 2)
	if err := <-failed; !errors.Is(err, errDisk) || err.Error() != "write term to "+f.path("ballot")+": "+errDisk.Error() {
		t.Error(err)
	}
	go f.Set([]byte("LastVoteCand"), []byte("lb1:7400"))
	if err := <-failed; !errors.Is(err, errDisk) || err.Error() != "write vote to "+f.path("ballot")+": "+errDisk.Error() {
		t.Error(err)
	}
	f.close()
}
