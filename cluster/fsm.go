package cluster

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/perch-vip/perch/cluster/state"
)

// maxSnapshot bounds a snapshot that is read back: a full history is 200 KiB, and 500
// with the longest names.
const maxSnapshot = 2 << 20

// fsm is the raft.FSM over the pure state.
type fsm struct {
	changed func()
	skipped func(index uint64) // an entry that only a newer perch knows; nil for nobody to tell

	mu    sync.Mutex
	state state.State
}

func (f *fsm) read() state.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Clone()
}

// applied returns the index of the last command that was applied.
func (f *fsm) applied() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Applied
}

// Applied returns the index in the log of the last command that this node knows of: while
// it stays the same, so does State.
func (n *Node) Applied() uint64 { return n.fsm.applied() }

// Recollects tells whether State is what this node knew before it was started. Its log alone does
// not say what of it the cluster has agreed on: that it hears from a leader.
func (n *Node) Recollects() bool {
	r := n.raft.Load()
	if r == nil || n.familiar.Load() {
		return r != nil
	}
	applied := r.AppliedIndex()
	if applied == 0 || applied < r.LastIndex() {
		return false
	}
	complete, err := n.complete(applied)
	if err != nil {
		n.cfg.Log.Warn("reading the log", "error", err)
	}
	if complete {
		n.familiar.Store(true)
	}
	return complete
}

// owner returns the last move; see state.State.
func (f *fsm) owner() (state.Move, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Owner()
}

// linger returns for how long the VIPs of node linger.
func (f *fsm) linger(node string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Lingers[node]
}

// longestLinger returns the longest time for which VIPs of any other node linger.
func (f *fsm) longestLinger(except string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.LongestLinger(except)
}

// Apply implements raft.FSM. The response is nil or an error.
func (f *fsm) Apply(entry *raft.Log) any {
	defer f.changed()
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.state.Apply(entry.Index, entry.Data)
	if errors.Is(err, state.ErrUnknownCommand) && f.skipped != nil {
		f.skipped(entry.Index)
	}
	if err != nil {
		return fmt.Errorf("log entry %d: %w", entry.Index, err)
	}
	return nil
}

// Snapshot implements raft.FSM.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	clone := f.read()
	data, err := clone.Encode()
	return snapshot(data), err
}

// Restore implements raft.FSM.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer f.changed()
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxSnapshot))
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.Decode(data)
}

// snapshot is an encoded state on its way to disk.
type snapshot []byte

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(s); err != nil {
		sink.Cancel()
		return fmt.Errorf("write snapshot: %w", err)
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (s snapshot) Release() {}
