package events

import "fmt"

// ring keeps the last events of a run.
type ring struct {
	run   string
	limit int
	kept  []Event // in a circle once there are limit of them
	begin int     // where the oldest is then
	last  uint64  // number of the newest
}

// add numbers an event and keeps it, in the place of the oldest if there are many.
func (r *ring) add(e Event) {
	r.last++
	e.ID, e.Number = ID{r.run, r.last}, r.last
	if len(r.kept) < r.limit {
		r.kept = append(r.kept, e)
		return
	}
	r.kept[r.begin] = e
	r.begin = (r.begin + 1) % r.limit
}

// at returns the event of a number that is kept.
func (r *ring) at(number uint64) Event {
	i := int(number - r.oldest())
	return r.kept[(r.begin+i)%len(r.kept)]
}

// oldest is the number of the oldest event that is kept, or of the first one to come.
func (r *ring) oldest() uint64 { return r.last - uint64(len(r.kept)) + 1 }

// after returns at most so many of the events behind one, and before them what says that
// some are missing, at a time.
func (r *ring) after(id ID, most int, now Time) (list []Event) {
	if why := r.stranger(id); why != "" {
		id = ID{r.run, 0}
		list = append(list, Event{ID: id, Time: now, Kind: NewRun, To: r.run, Reason: why})
	}
	next := id.Number + 1
	if oldest := r.oldest(); next < oldest {
		list = append(list, Event{
			ID: ID{r.run, oldest - 1}, Number: oldest - 1, Time: now, Kind: Gap,
			Reason: fmt.Sprintf("%d events, from number %d on, are not kept any more", oldest-next, next),
		})
		next = oldest
	}
	for ; next <= r.last && len(list) < most; next++ {
		list = append(list, r.at(next))
	}
	return list
}

// stranger says why an ID is not of this run, or "".
func (r *ring) stranger(id ID) string {
	switch {
	case id.Run != "" && id.Run != r.run:
		return fmt.Sprintf("the daemon was started anew since event %s: all of the new run follows; what came of the old one behind it is lost, unless it was daemon_stopped", id)
	case id.Number > r.last:
		return fmt.Sprintf("there is no event %d yet, the last one is %d: all of the run follows", id.Number, r.last)
	}
	return ""
}

// latest returns the ID behind which the last events are, as many as are wanted.
func (r *ring) latest(count uint64) ID {
	return ID{r.run, r.last - min(count, uint64(len(r.kept)))}
}
