package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// memory is a node's disk in memory. It survives the node's runs.
type memory struct {
	*raft.InmemStore
	*raft.InmemSnapshotStore
	stall atomic.Int64 // how long the next write takes, ns

	mu    sync.Mutex
	notes map[string][]byte

	peeking atomic.Pointer[func()] // what happens while the node looks at its log
}

func newMemory() *memory {
	return &memory{InmemStore: raft.NewInmemStore(), InmemSnapshotStore: raft.NewInmemSnapshotStore(), notes: map[string][]byte{keyBirth: []byte(newBirth())}}
}

func (m *memory) note(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notes[key], nil
}

func (m *memory) setNote(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes[key] = value
	return nil
}

func (m *memory) hang() { time.Sleep(time.Duration(m.stall.Swap(0))) }

func (m *memory) StoreLog(entry *raft.Log) error { return m.StoreLogs([]*raft.Log{entry}) }

func (m *memory) StoreLogs(entries []*raft.Log) error {
	m.hang()
	return m.InmemStore.StoreLogs(entries)
}

func (m *memory) Set(key, value []byte) error {
	m.hang()
	return m.InmemStore.Set(key, value)
}

func (m *memory) SetUint64(key []byte, value uint64) error {
	m.hang()
	return m.InmemStore.SetUint64(key, value)
}

func (m *memory) peek(index uint64, entry *raft.Log) error {
	if happens := m.peeking.Load(); happens != nil {
		(*happens)()
	}
	return m.GetLog(index, entry)
}

func (*memory) begin()              {}
func (*memory) lastTrouble() string { return "" }

func (*memory) watch(context.Context) {}
func (*memory) stalled() Stalls       { return Stalls{} }
func (*memory) Close() error          { return nil }
