package events

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// Kept is how many events a Log keeps: about 2 MB, and at most some 25 MB if all of them
// are as long as they may be.
const Kept = 10_000

// batch is how many events a reader gets at once.
const batch = 256

// Log keeps the events of one run of the daemon. Its methods may be called from several
// goroutines at once.
type Log struct {
	node string

	mu     sync.Mutex // guards what follows, for moments only
	ring   ring
	closed bool
	more   chan struct{} // closed at the next event; nil while nobody waits for it
}

// New returns an empty log of a node, of a new run.
func New(node string) *Log { return newLog(node, newRun(), Kept) }

func newLog(node, run string, limit int) *Log {
	return &Log{node: node, ring: ring{run: run, limit: limit}}
}

// newRun returns the name of a run, which no other of this node has.
func newRun() string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // it never fails
	return hex.EncodeToString(random[:])
}

// Add records an event of now; its ID and Number are given by the Log. It waits for nobody.
// A nil Log records nothing.
func (l *Log) Add(e Event) {
	if l == nil {
		return
	}
	e = clipped(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(e)
}

func (l *Log) add(e Event) {
	if l.closed {
		return
	}
	e.Node, e.Time = l.node, Time{time.Now()} // in the order of the numbers
	l.ring.add(e)
	l.wake()
}

// wake has those look who wait. The caller holds mu.
func (l *Log) wake() {
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

// Close records the last event: there are none behind it. A nil Log has none either.
func (l *Log) Close(last Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(clipped(last))
	l.closed = true
}

// After returns the next events behind one, in their order and as many as are read at once;
// none if there are none yet. Where some are missing, an event that says so is in their
// place, which is for this reader alone. Who goes on does so behind the last one returned.
func (l *Log) After(id ID) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.after(id)
}

func (l *Log) after(id ID) []Event {
	list := l.ring.after(id, batch, Time{time.Now()})
	for i := range list {
		list[i].Node = l.node
	}
	return list
}

// Next is After, but that it waits until there are some, or until ctx ends, whose error it
// returns then.
func (l *Log) Next(ctx context.Context, id ID) ([]Event, error) {
	for {
		l.mu.Lock()
		list := l.after(id)
		if len(list) == 0 && l.more == nil {
			l.more = make(chan struct{})
		}
		more := l.more
		l.mu.Unlock()
		if len(list) > 0 {
			return list, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-more:
		}
	}
}

// Latest returns the ID behind which the last count events are.
func (l *Log) Latest(count uint64) ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring.latest(count)
}
