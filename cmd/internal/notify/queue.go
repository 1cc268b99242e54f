package notify

import (
	"container/list"
	"slices"
)

// queue is what waits for one lane. An outage of thousands of servers waits for a target that
// hangs, and whoever tells of one more is not to look through all of them.
type queue struct {
	orders  list.List                 // of order, the oldest first
	of      map[topic][]*list.Element // likewise
	changes int                       // of them, without those of what was told before
}

// order is an event that an entry is to be told of. Without an event its target is to be
// opened.
type order struct {
	entry    *Entry
	event    Event
	attempts int  // that have failed
	again    bool // it was told before: what becomes of it does not count
}

func (o order) opens() bool { return o.event.Kind == "" }

// done is what the log says when it is told.
func (o order) done() string {
	if o.again {
		return "told of a state again"
	}
	return "told of an event"
}

// add adds an order.
func (q *queue) add(o order) {
	t := o.event.topic()
	q.index()[t] = append(q.of[t], q.orders.PushBack(o))
	q.count(o, 1)
}

func (q *queue) index() map[topic][]*list.Element {
	if q.of == nil {
		q.of = map[topic][]*list.Element{}
	}
	return q.of
}

func (q *queue) count(o order, by int) {
	if !o.again {
		q.changes += by
	}
}

// remove takes out the orders on a topic for which unwanted holds, and returns them.
func (q *queue) remove(t topic, unwanted func(order) bool) (removed []order) {
	kept := slices.DeleteFunc(q.of[t], func(e *list.Element) bool {
		o := e.Value.(order)
		if !unwanted(o) {
			return false
		}
		q.orders.Remove(e)
		q.count(o, -1)
		removed = append(removed, o)
		return true
	})
	if len(kept) > 0 {
		q.of[t] = kept
	} else {
		delete(q.of, t)
	}
	return removed
}

// repeat adds orders of what was told before, in the place of earlier such ones.
func (q *queue) repeat(orders []order) {
	for _, o := range orders {
		q.remove(o.event.topic(), func(was order) bool { return was.again && was.entry.Key == o.entry.Key })
	}
	for _, o := range orders {
		q.add(o)
	}
}

// outdate takes out the orders that an event makes void, if room of them wait, and returns
// those that count.
func (q *queue) outdate(e Event, room int) (void []order) {
	if q.changes < room {
		return nil
	}
	removed := q.remove(e.topic(), func(order) bool { return true })
	return slices.DeleteFunc(removed, func(o order) bool { return o.again })
}

// unprepare takes out the order to open the target of an entry, or of an earlier one with
// its Key.
func (q *queue) unprepare(e *Entry) {
	q.remove(Event{}.topic(), func(o order) bool { return o.opens() && o.entry.Key == e.Key })
}

// putBack puts back what was taken, as the oldest.
func (q *queue) putBack(o order) {
	t := o.event.topic()
	q.index()[t] = slices.Insert(q.of[t], 0, q.orders.PushFront(o))
	q.count(o, 1)
}

// take takes out the oldest.
func (q *queue) take() (order, bool) {
	oldest := q.orders.Front()
	if oldest == nil {
		return order{}, false
	}
	first := true
	o := oldest.Value.(order)
	q.remove(o.event.topic(), func(order) bool { // it is the first on its topic, too
		is := first
		first = false
		return is
	})
	return o, true
}
