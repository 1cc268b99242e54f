package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// errDamaged is a raft.db whose content makes no sense.
var errDamaged = errors.New("the file is damaged")

// boltLog is the log in one bolt file. Bolt panics when it meets a damaged page,
// and a page that the disk cannot read is a fault in mapped memory: here both are
// errors.
type boltLog struct {
	db   *raftboltdb.BoltStore
	path string
}

// careful runs an operation of bolt and turns its panic into an error.
func careful(operation func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", errDamaged, p)
		}
	}()
	return operation()
}

// openBoltLog opens or creates the file, which is locked until it is closed.
func openBoltLog(path string) (*boltLog, error) {
	l := &boltLog{path: path}
	err := careful(func() (err error) {
		l.db, err = raftboltdb.New(raftboltdb.Options{
			Path: path,
			// The list of free pages is kept in the file: to find them at start bolt reads
			// all pages in a goroutine of its own, whose panic nobody can catch.
			BoltOptions: &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType},
		})
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another perch daemon is using it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, bare(path, err))
	}
	return l, nil
}

// do names the file in the error of an operation, except for the error of an
// absent entry, which the library compares.
func (l *boltLog) do(name string, operation func() error) error {
	err := careful(operation)
	if err == nil || errors.Is(err, raft.ErrLogNotFound) {
		return err
	}
	return fmt.Errorf("%s %s: %w", name, l.path, bare(l.path, err))
}

// bare is an error of a file without its path, which is named before it.
func bare(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Path == path {
		return failed.Err
	}
	return err
}

func (l *boltLog) FirstIndex() (index uint64, err error) {
	err = l.do("read", func() error { index, err = l.db.FirstIndex(); return err })
	return index, err
}

func (l *boltLog) LastIndex() (index uint64, err error) {
	err = l.do("read", func() error { index, err = l.db.LastIndex(); return err })
	return index, err
}

func (l *boltLog) GetLog(index uint64, entry *raft.Log) error {
	return l.do("read", func() error { return l.db.GetLog(index, entry) })
}

func (l *boltLog) StoreLogs(entries []*raft.Log) error {
	return l.do("write", func() error { return l.db.StoreLogs(entries) })
}

func (l *boltLog) DeleteRange(first, last uint64) error {
	return l.do("write", func() error { return l.db.DeleteRange(first, last) })
}

// note returns what is kept under a key beside the log, or nil.
func (l *boltLog) note(key string) (value []byte, err error) {
	err = l.do("read", func() error {
		value, err = l.db.Get([]byte(key))
		if errors.Is(err, raftboltdb.ErrKeyNotFound) {
			return nil
		}
		return err
	})
	return value, err
}

// setNote keeps a value under a key beside the log.
func (l *boltLog) setNote(key string, value []byte) error {
	return l.do("write", func() error { return l.db.Set([]byte(key), value) })
}

func (l *boltLog) Close() error {
	return l.do("close", l.db.Close)
}
