package notify

import "slices"

// queue is what waits for one lane, the oldest first.
type queue []order

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
func (q *queue) add(o order) { *q = append(*q, o) }

// repeat adds orders of what was told before, in the place of earlier such ones.
func (q *queue) repeat(list []order) {
	type same struct {
		key string // of the entry
		topic
	}
	newer := make(map[same]bool, len(list))
	for _, o := range list {
		newer[same{o.entry.Key, o.event.topic()}] = true
	}
	*q = slices.DeleteFunc(*q, func(was order) bool {
		return was.again && newer[same{was.entry.Key, was.event.topic()}]
	})
	*q = append(*q, list...)
}

// changes returns how many orders there are, without those of what was told before.
func (q queue) changes() (n int) {
	for i := range q {
		if !q[i].again {
			n++
		}
	}
	return n
}

// outdate takes out the orders that an event makes void, if room of them wait, and returns
// those that count.
func (q *queue) outdate(e Event, room int) (void []order) {
	if len(*q) < room || q.changes() < room {
		return nil
	}
	*q = slices.DeleteFunc(*q, func(o order) bool {
		same := o.event.topic() == e.topic()
		if same && !o.again {
			void = append(void, o)
		}
		return same
	})
	return void
}

// unprepare takes out the order to open the target of an entry, or of an earlier one with
// its Key.
func (q *queue) unprepare(e *Entry) {
	*q = slices.DeleteFunc(*q, func(o order) bool { return o.opens() && o.entry.Key == e.Key })
}

// putBack puts back what was taken, as the oldest.
func (q *queue) putBack(o order) { *q = slices.Insert(*q, 0, o) }

// take takes out the oldest.
func (q *queue) take() (order, bool) {
	if len(*q) == 0 {
		return order{}, false
	}
	o := (*q)[0]
	(*q)[0] = order{}
	*q = (*q)[1:]
	return o, true
}
