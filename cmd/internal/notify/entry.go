package notify

import (
	"context"
	"slices"
)

// Target is whom is told.
type Target interface {
	// Tell tells of an event, one at a time in each lane. The error says in one line what
	// has become of it. When ctx ends it is given up.
	Tell(ctx context.Context, e Event) error
}

// opener is a Target that is to be there before the first event.
type opener interface{ Open() error }

// Entry is one [[notify]].
type Entry struct {
	// Key names the target, and all that makes it what it is: an entry with the Key of an
	// earlier one goes on with its target and what waits there.
	Key      string
	Name     string // in the log
	On       []Kind
	Subjects []Subject // routers, sync groups and services; none for all
	Target   Target
	Reader   *Reader // of its FIFO; nil for none
	// Lane names the one lane of all subjects, that of all entries which name it. "" is one
	// for each subject.
	Lane    string
	Backlog int  // how many events wait in a lane before newer ones take the place of older ones
	Again   bool // it hears of what Repeat tells, too
}

// lane returns the lane of events on a subject.
func (e *Entry) lane(s Subject) laneKey {
	if e.Lane != "" {
		return laneKey{name: e.Lane}
	}
	return laneKey{e.Key, s}
}

// as returns the event as the entry has it, if it is for it. A router that is deleted is in
// fault for whoever knows no better, which is keepalived's rule.
func (e *Entry) as(event Event) (Event, bool) {
	if event.Kind == Deleted && !slices.Contains(e.On, Deleted) {
		event.Kind = Fault
	}
	return event, slices.Contains(e.On, event.Kind)
}

// index finds the entries that are for a subject.
type index struct {
	all []*Entry             // for any
	of  map[Subject][]*Entry // for some
}

func newIndex(entries []*Entry) index {
	x := index{of: map[Subject][]*Entry{}}
	for _, e := range entries {
		if len(e.Subjects) == 0 {
			x.all = append(x.all, e)
		}
		for _, s := range e.Subjects {
			x.of[s] = append(x.of[s], e)
		}
	}
	return x
}

// find returns the entries for a subject. A server is found by its service.
func (x index) find(s Subject) []*Entry {
	if s.About == Server {
		s = Subject{About: Virtual, Name: s.Name}
	}
	return slices.Concat(x.of[s], x.all)
}
