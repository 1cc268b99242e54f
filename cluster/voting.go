package cluster

import (
	"slices"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// Who votes is asked at each look at the lease, and reading the library's configuration costs
// memory each time. So the names are kept while no other configuration can have come.
//
// The library's main loop writes before it takes another configuration for the latest: the
// entry, the end of a log that another leader has cut off, or a snapshot. So the names are
// good while no such write has begun since they were read, and they were read when the main
// loop was known to be done with all those before: it had taken a request since, which it
// does between two pieces of its work.

// electorate keeps the names of the voters. The zero value has none.
type electorate struct {
	begun atomic.Uint64 // counts the writes that another configuration may follow
	done  atomic.Uint64 // how many of them the main loop is done with, as far as is known
	known atomic.Pointer[roll]
}

// roll is who votes, as of a count of begun.
type roll struct {
	of     *raft.Raft
	begun  uint64
	voters []string
}

// voters returns what reading from r would, which must not be changed.
func (e *electorate) voters(r *raft.Raft, read func(*raft.Raft) []string) []string {
	begun := e.begun.Load()
	if known := e.known.Load(); known != nil && known.of == r && known.begun == begun {
		return known.voters
	}
	quiet := e.done.Load() == begun // before the reading
	names := slices.Clip(read(r))
	if quiet {
		e.known.Store(&roll{r, begun, names})
	}
	return names
}

// heralding is a node's memory as the library sees it: what another configuration may follow
// is counted before it is written.
type heralding struct {
	storage
	votes *electorate
}

// StoreLog implements raft.LogStore.
func (h heralding) StoreLog(entry *raft.Log) error {
	h.herald(entry)
	return h.storage.StoreLog(entry)
}

// StoreLogs implements raft.LogStore.
func (h heralding) StoreLogs(entries []*raft.Log) error {
	h.herald(entries...)
	return h.storage.StoreLogs(entries)
}

// DeleteRange implements raft.LogStore.
func (h heralding) DeleteRange(first, last uint64) error {
	h.votes.begun.Add(1)
	return h.storage.DeleteRange(first, last)
}

// Create implements raft.SnapshotStore.
func (h heralding) Create(version raft.SnapshotVersion, index, term uint64, c raft.Configuration, of uint64, t raft.Transport) (raft.SnapshotSink, error) {
	h.votes.begun.Add(1)
	return h.storage.Create(version, index, term, c, of, t)
}

// herald counts entries of which one may be a configuration.
func (h heralding) herald(entries ...*raft.Log) {
	if slices.ContainsFunc(entries, func(e *raft.Log) bool { return e.Type != raft.LogCommand && e.Type != raft.LogNoop }) {
		h.votes.begun.Add(1)
	}
}
