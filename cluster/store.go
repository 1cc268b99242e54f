package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// storage is what a Node needs of its memory.
type storage interface {
	raft.LogStore
	raft.StableStore
	raft.SnapshotStore
	io.Closer
	begin() // from now on the library runs
	// peek is GetLog for others than the library: it always returns.
	peek(index uint64, entry *raft.Log) error
	lastTrouble() string // of the last write of the log, or ""
	stalled() Stalls     // writes that took long
	watch(ctx context.Context)
	// note returns what is kept under a key beside the log, or nil.
	note(key string) ([]byte, error)
	setNote(key string, value []byte) error
}

// store is raft's memory on disk: the log in one bolt file, term and vote in
// the ballot, and snapshots beside them.
//
// The library panics when it cannot write its term or read its log, and a panic
// must not leave a VIP behind. So such an error goes to failed and never returns
// to the library: the daemon releases, says why, and ends.
type store struct {
	raft.SnapshotStore
	log     *boltLog
	ballot  *ballotFile
	failed  func(error)
	running atomic.Bool               // the library runs: it panics where it returned errors before
	trouble atomic.Pointer[error]     // of the last write of the log
	writing atomic.Pointer[time.Time] // when the write under way began; nil for none
	astray  atomic.Pointer[string]    // what is wrong with where the files are
	stalls  stalls
}

// openStore opens or creates the store below dir. The log comes first, for its
// file is locked: a second daemon must not get as far as the ballot.
func openStore(dir string, logger hclog.Logger, failed func(error)) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data_dir: %w", err)
	}
	log, err := openBoltLog(filepath.Join(dir, "raft.db"))
	if err != nil {
		return nil, err
	}
	s := &store{log: log, failed: failed}
	if s.SnapshotStore, err = raft.NewFileSnapshotStoreWithLogger(dir, 2, logger); err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w", dir, err), log.Close())
	}
	if err := s.openBallot(dir); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return s, nil
}

// keyBallot is where raft.db keeps the id of its ballot.
const keyBallot = "Ballot"

// openBallot opens the ballot, and refuses one that raft.db does not know.
// A node's first start makes raft.db, the ballot and the mark in raft.db in this
// order, and raft runs after all three: a start cut short is taken up again,
// and a file that has gone missing later is told from one not made yet.
func (s *store) openBallot(dir string) error {
	last, err := s.lastTerm()
	if err != nil {
		return err
	}
	mark, err := s.log.note(keyBallot)
	if err != nil {
		return err
	}
	b, err := openBallot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if mark != nil || last != 0 {
			return unusable(filepath.Join(dir, "ballot"), errors.New("missing beside a raft.db in use"))
		}
		if err := createBallot(dir); err != nil {
			return fmt.Errorf("create ballot: %w", err)
		}
		b, err = openBallot(dir)
	}
	if err != nil {
		return fmt.Errorf("open ballot: %w", err)
	}
	if err := s.adopt(b, mark, last); err != nil {
		return errors.Join(err, b.Close())
	}
	return nil
}

// adopt takes b for this store's ballot.
func (s *store) adopt(b *ballotFile, mark []byte, last uint64) error {
	if err := belongs(b.last, mark, last); err != nil {
		return unusable(b.path, err)
	}
	if mark == nil {
		if err := s.log.setNote(keyBallot, b.last.id[:]); err != nil {
			return err
		}
	}
	if last == 0 && b.last.ballot == (ballot{CurrentTerm: 1}) {
		// Bootstrapping was cut short between the term and the first log entry:
		// the library would neither repeat it nor go on without it.
		b.last.ballot = ballot{}
	}
	s.ballot = b
	return nil
}

// belongs tells whether a ballot goes with a raft.db that has the mark, and the
// term of its newest entry (0 if it has none).
func belongs(r record, mark []byte, last uint64) error {
	fresh := mark == nil && last == 0 && r.ballot == ballot{}
	switch {
	case !fresh && !bytes.Equal(mark, r.id[:]):
		return errors.New("made for another raft.db")
	case r.ballot.CurrentTerm < last:
		return fmt.Errorf("of term %d, but the log is of term %d", r.ballot.CurrentTerm, last)
	}
	return nil
}

// lastTerm returns the term of the newest entry in log and snapshots, or 0 if
// there is none.
func (s *store) lastTerm() (uint64, error) {
	var entry raft.Log
	index, err := s.LastIndex()
	if err == nil && index > 0 {
		err = s.GetLog(index, &entry)
	}
	if err != nil {
		return 0, err
	}
	snapshots, err := s.List()
	if err != nil {
		return 0, err
	}
	last := entry.Term
	for _, snapshot := range snapshots {
		last = max(last, snapshot.Term)
	}
	return last, nil
}

// Close closes both files, the locked one last.
func (s *store) Close() error {
	return errors.Join(s.ballot.Close(), s.log.Close())
}

// Set implements raft.StableStore.
func (s *store) Set(key, value []byte) error {
	defer s.write()()
	return s.must(s.ballot.Set(key, value))
}

// SetUint64 implements raft.StableStore.
func (s *store) SetUint64(key []byte, value uint64) error {
	defer s.write()()
	return s.must(s.ballot.SetUint64(key, value))
}

// Get implements raft.StableStore.
func (s *store) Get(key []byte) ([]byte, error) { return s.ballot.Get(key) }

// GetUint64 implements raft.StableStore.
func (s *store) GetUint64(key []byte) (uint64, error) { return s.ballot.GetUint64(key) }

// FirstIndex implements raft.LogStore.
func (s *store) FirstIndex() (uint64, error) {
	index, err := s.log.FirstIndex()
	return index, s.whole(err)
}

// LastIndex implements raft.LogStore.
func (s *store) LastIndex() (uint64, error) {
	index, err := s.log.LastIndex()
	return index, s.whole(err)
}

// GetLog implements raft.LogStore.
func (s *store) GetLog(index uint64, entry *raft.Log) error {
	return s.whole(s.log.GetLog(index, entry))
}

// StoreLog implements raft.LogStore.
func (s *store) StoreLog(entry *raft.Log) error {
	return s.StoreLogs([]*raft.Log{entry})
}

// StoreLogs implements raft.LogStore. The library survives an error here: a
// leader steps down, a follower refuses the entries.
func (s *store) StoreLogs(entries []*raft.Log) error {
	defer s.write()()
	err := s.whole(s.log.StoreLogs(entries))
	s.trouble.Store(&err)
	return err
}

// write notes that a write has begun; what it returns, that it has ended. The library
// writes one thing at a time.
func (s *store) write() func() {
	begun := time.Now()
	s.writing.Store(&begun) // whole, since the wall clock may be set meanwhile
	return func() {
		s.writing.Store(nil)
		now := time.Now()
		s.stalls.note(now.Sub(begun), now)
	}
}

// DeleteRange implements raft.LogStore.
func (s *store) DeleteRange(first, last uint64) error {
	return s.whole(s.log.DeleteRange(first, last))
}

func (s *store) peek(index uint64, entry *raft.Log) error { return s.log.GetLog(index, entry) }

func (s *store) begin() { s.running.Store(true) }

// slowWrite is from when on a write under way is a trouble.
const slowWrite = time.Second

func (s *store) lastTrouble() string {
	if begun := s.writing.Load(); begun != nil {
		if took := time.Since(*begun); took > slowWrite {
			return fmt.Sprintf("a write has been under way for %s: the disk hangs", took.Round(time.Second))
		}
	}
	if last := s.trouble.Load(); last != nil && *last != nil {
		return (*last).Error()
	}
	if astray := s.astray.Load(); astray != nil {
		return *astray
	}
	return ""
}

// lookEvery is how often it is looked where the files are: a cluster in which nothing happens
// writes nothing.
const lookEvery = 5 * time.Second

// watch looks where the files are until ctx ends. It is waited for by nobody: the disk may hang.
func (s *store) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.look()
		}
	}
}

func (s *store) look() {
	astray := s.ballot.astray()
	s.astray.Store(&astray)
}

func (s *store) stalled() Stalls { return s.stalls.read() }

// whole returns err, unless it says that the log is damaged and the library runs.
func (s *store) whole(err error) error {
	if errors.Is(err, errDamaged) && s.running.Load() {
		return s.must(err)
	}
	return err
}

// must never returns an error to the library.
func (s *store) must(err error) error {
	if err == nil {
		return nil
	}
	s.failed(err)
	select {} // the process is about to end; see the type's comment
}
