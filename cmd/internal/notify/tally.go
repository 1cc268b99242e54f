package notify

import (
	"errors"
	"fmt"
	"time"
)

// Tally counts what has become of the events of an entry.
type Tally struct {
	Name    string // of the entry; of several with one name all but the first have a number behind it
	Told    uint64
	Failed  uint64
	Void    uint64 // newer ones came before it was told of them
	Retries uint64 // attempts that failed, after which it was tried again
	Error   string // of the last; "" if it was told
	Last    time.Time
	Took    time.Duration // the last attempt
}

// Tallies returns those of the entries, in their order, each with another name. Entries of one
// target have one.
func (n *Notifier) Tallies() []Tally {
	n.mu.Lock()
	defer n.mu.Unlock()
	list, names := make([]Tally, 0, len(n.order)), map[string]int{}
	for _, e := range n.order {
		if n.entries[e.Key] != e {
			continue // a later one has its target
		}
		t := *n.tallies[e.Key]
		t.Name = e.Name
		if names[e.Name]++; names[e.Name] > 1 {
			t.Name = fmt.Sprintf("%s (%d)", e.Name, names[e.Name])
		}
		list = append(list, t)
	}
	return list
}

// tally returns that of an entry. Who is no entry any more is counted for nobody.
func (n *Notifier) tally(e *Entry) *Tally {
	if t := n.tallies[e.Key]; t != nil {
		return t
	}
	return &Tally{}
}

// note counts what has become of an order of a lane, unless that was told before.
func (n *Notifier) note(key laneKey, o order, took time.Duration, err error) {
	n.mu.Lock()
	if !errors.Is(err, ErrLater) {
		n.lanes[key].failures = 0
	}
	if o.again {
		n.mu.Unlock()
		return
	}
	t := n.tally(o.entry)
	t.Took = took
	if err != nil {
		t.Failed++
		t.fail(err)
	} else {
		t.Told++
		t.Last, t.Error = time.Now(), ""
	}
	n.mu.Unlock()
	result := Told
	if err != nil {
		result = Failed
	}
	n.outcome(o.outcome(result, took, err))
}

// outcome is what becomes of an order for good.
func (o order) outcome(result Result, took time.Duration, err error) Outcome {
	out := Outcome{Target: o.entry.Name, Event: o.event.String(), OfServer: o.event.Subject.About == Server, Result: result, Attempts: o.attempts, Took: took, At: time.Now()}
	if result != Dropped {
		out.Attempts++
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

func (t *Tally) fail(err error) { t.Last, t.Error = time.Now(), err.Error() }
