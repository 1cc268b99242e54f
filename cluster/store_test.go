package cluster

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
	f.ballot.file = brokenFile{f.ballot.file}
	go f.SetUint64([]byte("CurrentTerm"), 2)
	if err := <-failed; !errors.Is(err, errDisk) || err.Error() != "write "+f.path("ballot")+": "+errDisk.Error() {
		t.Error(err)
	}
	go f.Set([]byte("LastVoteCand"), []byte("lb1:7400"))
	if err := <-failed; !errors.Is(err, errDisk) {
		t.Error(err)
	}
	f.close()
}

// brokenFile cannot be written.
type brokenFile struct{ blockFile }

func (brokenFile) WriteAt([]byte, int64) (int, error) { return 0, errDisk }

// damage overwrites all pages of raft.db but those that are read when it is opened.
func (f *folder) damage() {
	f.Helper()
	file, err := os.OpenFile(f.path("raft.db"), os.O_RDWR, 0)
	f.do(err)
	info, err := file.Stat()
	f.do(err)
	page := bytes.Repeat([]byte{0xa5}, os.Getpagesize())
	for at := int64(2 * len(page)); at < info.Size(); at += int64(len(page)) {
		_, err := file.WriteAt(page, at)
		f.do(err)
	}
	f.do(file.Close())
}

// Bolt panics when it meets a damaged page. Before the library runs that is an
// error, and from then on the daemon's end, in good order.
func TestDamagedLog(t *testing.T) {
	f := newFolder(t)
	for i := range uint64(200) {
		f.do(f.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: make([]byte, 100)}))
	}
	f.damage()
	if err := f.GetLog(100, new(raft.Log)); !errors.Is(err, errDamaged) || !strings.HasPrefix(err.Error(), "read "+f.path("raft.db")+": the file is damaged") {
		t.Errorf("before the library runs: %v", err)
	}
	failed := make(chan error)
	f.failed = func(err error) { failed <- err }
	f.begin()
	for name, operation := range map[string]func(){
		"GetLog":      func() { f.GetLog(100, new(raft.Log)) },
		"StoreLogs":   func() { f.StoreLog(&raft.Log{Index: 201, Term: 1}) },
		"DeleteRange": func() { f.DeleteRange(1, 100) },
		"FirstIndex":  func() { f.FirstIndex() },
		"LastIndex":   func() { f.LastIndex() },
	} {
		go func() {
			operation()
			t.Errorf("%s returned to the library", name)
		}()
		if err := <-failed; !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedLogAtStart(t *testing.T) {
	f := newFolder(t)
	f.do(f.StoreLog(&raft.Log{Index: 1, Term: 1}))
	f.close()
	f.damage()
	if err := f.open(); !errors.Is(err, errDamaged) {
		t.Errorf("open: %v", err)
		f.close()
	}
}

// A file cut short under the daemon is a fault in mapped memory.
func TestLogCutShort(t *testing.T) {
	f := newFolder(t)
	for i := range uint64(200) {
		f.do(f.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: make([]byte, 100)}))
	}
	f.do(os.Truncate(f.path("raft.db"), 4096))
	if err := f.GetLog(100, new(raft.Log)); !errors.Is(err, errDamaged) {
		t.Errorf("read: %v", err)
	}
}

func TestTroubleOfTheLastWrite(t *testing.T) {
	f := newFolder(t)
	if got := f.lastTrouble(); got != "" {
		t.Errorf("at first: %q", got)
	}
	f.do(f.StoreLog(&raft.Log{Index: 1, Term: 1}))
	if got := f.lastTrouble(); got != "" {
		t.Errorf("after a write: %q", got)
	}
	f.close()
	if err := f.StoreLog(&raft.Log{Index: 2, Term: 1}); err == nil || f.lastTrouble() != err.Error() {
		t.Errorf("after a failed write (%v): %q", err, f.lastTrouble())
	}
}

// Files that are not where they were take all that is written, and no next start finds them.
func TestFilesAstrayAreATrouble(t *testing.T) {
	for name, disturb := range map[string]func(f *folder, dir string) error{
		"removed": func(_ *folder, dir string) error { return os.RemoveAll(dir) },
		"moved":   func(_ *folder, dir string) error { return os.Rename(dir, dir+".away") },
		"replaced": func(f *folder, _ string) error {
			return errors.Join(os.WriteFile(f.path("new"), nil, 0o600), os.Rename(f.path("new"), f.path("ballot")))
		},
	} {
		f := newFolder(t)
		f.look()
		if got := f.lastTrouble(); got != "" {
			t.Errorf("%s: before: %q", name, got)
		}
		f.do(disturb(f, f.dir))
		f.look()
		want := f.path("ballot") + " has been removed or moved: what is written is lost to the next start; put it back, or restart perch, one node at a time"
		if got := f.lastTrouble(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if name == "moved" {
			f.rename(f.dir+".away", f.dir)
			f.look()
			if got := f.lastTrouble(); got != "" {
				t.Errorf("moved back: %q", got)
			}
		}
		f.close()
	}
}

func TestStoreBelongsToOneNodeOfOneCluster(t *testing.T) {
	f := newFolder(t)
	f.do(f.belongTo("edge", "lb1"))
	f.do(f.belongTo("edge", "lb1"))
	want := f.path("raft.db") + " belongs to node lb1 of cluster edge, and this is "
	for _, other := range [][2]string{{"edge", "lb2"}, {"core", "lb1"}} {
		if err := f.belongTo(other[0], other[1]); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v", other, err)
		}
	}
	f.close()
}

// A disk that hangs gives no error: that a write takes long is the trouble.
func TestWriteUnderWayIsATrouble(t *testing.T) {
	f := newFolder(t)
	done := f.write()
	if got := f.lastTrouble(); got != "" {
		t.Errorf("at once: %q", got)
	}
	begun := time.Now().Add(-3 * time.Second)
	f.writing.Store(&begun)
	if got := f.lastTrouble(); got != "a write has been under way for 3s: the disk hangs" {
		t.Errorf("after 3 s: %q", got)
	}
	done()
	if got := f.lastTrouble(); got != "" {
		t.Errorf("at its end: %q", got)
	}
}

// What the library writes, log entries as well as its term, counts when it took long.
func TestStoreCountsStalls(t *testing.T) {
	f := newFolder(t)
	f.do(f.StoreLog(&raft.Log{Index: 1, Term: 1}))
	if got := f.stalled(); got != (Stalls{}) {
		t.Errorf("before it knows what is long: %+v", got)
	}
	f.stalls.allow(time.Nanosecond)
	f.do(f.StoreLog(&raft.Log{Index: 2, Term: 1}))
	f.do(f.SetUint64([]byte("CurrentTerm"), 1))
	if got := f.stalled(); got.Count != 2 || got.Longest <= 0 || got.Last.IsZero() {
		t.Errorf("got %+v, want 2 of them", got)
	}
	f.close()
}

// The error of a file that cannot be opened names it once.
func TestStoreNamesItsFilesOnce(t *testing.T) {
	for _, name := range []string{"raft.db", "ballot"} {
		f := newFolder(t)
		f.close()
		f.remove(name)
		f.do(os.Mkdir(f.path(name), 0o700))
		if err := f.open(); err == nil || strings.Count(err.Error(), f.path(name)) != 1 || !errors.Is(err, syscall.EISDIR) {
			t.Errorf("%v, want %s once", err, f.path(name))
		}
	}
}
