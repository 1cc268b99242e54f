package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// store is raft's memory on disk: log, term and vote in one bolt file, and
// snapshots beside it.
//
// The library panics when it cannot write its term, and a panic must not leave
// a VIP behind. So a failed write of term or vote goes to failed and never
// returns to the library: the daemon releases, says why, and ends.
type store struct {
	*raftboltdb.BoltStore
	snapshots *raft.FileSnapshotStore
	path      string
	failed    func(error)
}

// openStore opens or creates the store below dir.
func openStore(dir string, logger hclog.Logger, failed func(error)) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data_dir: %w", err)
	}
	path := filepath.Join(dir, "raft.db")
	db, err := raftboltdb.New(raftboltdb.Options{
		Path:        path,
		BoltOptions: &bolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another perch daemon is using data_dir %s", path, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 2, logger)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w", dir, err), db.Close())
	}
	return &store{BoltStore: db, snapshots: snapshots, path: path, failed: failed}, nil
}

// Set implements raft.StableStore.
func (s *store) Set(key, value []byte) error {
	return s.must("write vote to", s.BoltStore.Set(key, value))
}

// SetUint64 implements raft.StableStore.
func (s *store) SetUint64(key []byte, value uint64) error {
	return s.must("write term to", s.BoltStore.SetUint64(key, value))
}

// StoreLog implements raft.LogStore.
func (s *store) StoreLog(entry *raft.Log) error {
	return s.StoreLogs([]*raft.Log{entry})
}

// StoreLogs implements raft.LogStore. The library survives an error here: a
// leader steps down, a follower refuses the entries.
func (s *store) StoreLogs(entries []*raft.Log) error {
	if err := s.BoltStore.StoreLogs(entries); err != nil {
		return fmt.Errorf("write log to %s: %w", s.path, err)
	}
	return nil
}

func (s *store) must(operation string, err error) error {
	if err == nil {
		return nil
	}
	s.failed(fmt.Errorf("%s %s: %w", operation, s.path, err))
	select {} // the process is about to end; see the type's comment
}
