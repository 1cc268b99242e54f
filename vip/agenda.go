package vip

import (
	"container/heap"
	"time"
)

const (
	// beat is how often an agenda hands out work, and perBeat how much each
	// time: what thousands of VIPs have to do at once is spread over time
	// (5,000 of them over 250 ms) instead of leaving in one burst.
	beat    = time.Millisecond
	perBeat = 20
)

// agenda is a list of VIPs by the time at which something is to be done for
// them. It is pure: it reads no clock.
type agenda struct {
	queue  appointments
	byVIP  map[VIP]*appointment
	window time.Time // start of the running beat
	taken  int       // in the running beat
}

type appointment struct {
	vip  VIP
	at   time.Time
	slot int // position in the queue
}

// Put sets when v is due, whatever it was before.
func (a *agenda) Put(v VIP, at time.Time) {
	if p, ok := a.byVIP[v]; ok {
		p.at = at
		heap.Fix(&a.queue, p.slot)
		return
	}
	if a.byVIP == nil {
		a.byVIP = make(map[VIP]*appointment)
	}
	p := &appointment{vip: v, at: at}
	a.byVIP[v] = p
	heap.Push(&a.queue, p)
}

// Hasten sets all due at once.
func (a *agenda) Hasten(at time.Time) {
	for _, p := range a.queue {
		p.at = at
	}
}

// Drop forgets v.
func (a *agenda) Drop(v VIP) {
	if p, ok := a.byVIP[v]; ok {
		heap.Remove(&a.queue, p.slot)
		delete(a.byVIP, v)
	}
}

// Deadline returns when Take has something to hand out, false for never.
func (a *agenda) Deadline() (time.Time, bool) {
	if len(a.queue) == 0 {
		return time.Time{}, false
	}
	due := a.queue[0].at
	if next := a.window.Add(beat); a.taken >= perBeat && next.After(due) {
		return next, true
	}
	return due, true
}

// Take returns a VIP that is due at now. It stays on the agenda: the caller puts
// it where it is due next, or drops it.
func (a *agenda) Take(now time.Time) (VIP, bool) { return a.TakeEarly(now, now) }

// TakeEarly is Take of one that is due at the given time at the latest.
func (a *agenda) TakeEarly(now, until time.Time) (VIP, bool) {
	if now.Sub(a.window) >= beat {
		a.window, a.taken = now, 0
	}
	if len(a.queue) == 0 || a.taken >= perBeat || a.queue[0].at.After(until) {
		return VIP{}, false
	}
	a.taken++
	return a.queue[0].vip, true
}

// appointments is a heap by time.
type appointments []*appointment

func (q appointments) Len() int           { return len(q) }
func (q appointments) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q appointments) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

func (q *appointments) Push(x any) {
	p := x.(*appointment)
	p.slot = len(*q)
	*q = append(*q, p)
}

func (q *appointments) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return p
}
