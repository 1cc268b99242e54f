package daemon

import (
	"sync"

	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// unheard are the targets of [[notify]] that could not be told of something, and the
// converge hooks that have failed.
type unheard struct {
	mu   sync.Mutex // guards what follows, for moments only
	list map[string]bool
}

// record records what has become of an event at a target, or of a hook: each failure, the first
// success behind one, and all other successes but those about single servers, of which there may
// be thousands at once. What was dropped the lookout counts, for the same reason.
func (u *unheard) record(log *events.Log, o *notify.Outcome) {
	e := events.Event{Subject: o.Target, Reason: o.Event, Error: o.Error}
	if o.About != "" {
		e.Subject += " of " + o.About
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	failed := u.list[e.Subject]
	switch {
	case o.Result == notify.Failed:
		e.Kind = events.NotifyFailed
		if u.list == nil {
			u.list = map[string]bool{}
		}
		u.list[e.Subject] = true
	case o.Result == notify.Told && failed:
		e.Kind = events.NotifyMended
		delete(u.list, e.Subject)
	case o.Result == notify.Told && !o.OfServer:
		e.Kind = events.NotifyTold
	default:
		return
	}
	log.Add(e)
}
