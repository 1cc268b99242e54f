package checker

import (
	"container/heap"
	"time"
)

// agenda is tasks by time, the first one first.
type agenda struct{ queue appointments }

// len returns how many there are.
func (a *agenda) len() int { return len(a.queue) }

// first returns the task that comes first, or nil.
func (a *agenda) first() *task {
	if len(a.queue) == 0 {
		return nil
	}
	return a.queue[0]
}

// put adds a task, which leaves the agenda that it is in.
func (a *agenda) put(t *task, at time.Duration) {
	t.leave()
	t.agenda, t.at = a, at
	heap.Push(&a.queue, t)
}

// leave takes a task out of the agenda that it is in, if any.
func (t *task) leave() {
	if t.agenda != nil {
		heap.Remove(&t.agenda.queue, t.slot)
		t.agenda = nil
	}
}

// appointments implement heap.Interface.
type appointments []*task

func (q appointments) Len() int           { return len(q) }
func (q appointments) Less(i, j int) bool { return q[i].at < q[j].at }

func (q appointments) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

func (q *appointments) Push(x any) {
	t := x.(*task)
	t.slot = len(*q)
	*q = append(*q, t)
}

func (q *appointments) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return t
}
