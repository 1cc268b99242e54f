package cluster

import (
	"sync/atomic"
	"time"
)

// Lateness is how late this node woke up to send heartbeats as the leader. Its own processors
// made it late: the network has no part in it.
type Lateness struct {
	Counts  [len(latenessBounds)]uint64 // by LatenessBounds, each without those of the one before
	Count   uint64
	Sum     time.Duration
	Longest time.Duration
}

var latenessBounds = [...]time.Duration{
	100 * time.Microsecond, 300 * time.Microsecond, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond,
	30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Second,
}

// LatenessBounds are the upper bounds of Lateness.Counts.
func LatenessBounds() []time.Duration { return latenessBounds[:] }

// punctuality keeps count of it. The zero value has seen nothing.
type punctuality struct {
	counts       [len(latenessBounds)]atomic.Uint64
	count        atomic.Uint64
	sum, longest atomic.Int64
}

// note notes that a goroutine went on so long after it was to.
func (p *punctuality) note(late time.Duration) {
	late = max(late, 0)
	for i, bound := range latenessBounds {
		if late <= bound {
			p.counts[i].Add(1)
			break
		}
	}
	p.count.Add(1)
	p.sum.Add(int64(late))
	for {
		longest := p.longest.Load()
		if int64(late) <= longest || p.longest.CompareAndSwap(longest, int64(late)) {
			return
		}
	}
}

// Lateness returns what this node has seen since it was started.
func (n *Node) Lateness() Lateness {
	p := &n.punctuality
	l := Lateness{Count: p.count.Load(), Sum: time.Duration(p.sum.Load()), Longest: time.Duration(p.longest.Load())}
	for i := range l.Counts {
		l.Counts[i] = p.counts[i].Load()
	}
	return l
}
