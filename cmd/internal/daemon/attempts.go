package daemon

import (
	"cmp"
	"sync"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// attempts remember the last planned move that failed: perch tries again by itself, each
// second if need be, which is no news while it fails in the same way.
type attempts struct {
	mu     sync.Mutex // guards what follows, for moments only
	reason string
	err    string // "" if the last one went well
}

// record records how a move begins, as e has it, and ends.
func (a *attempts) record(log *events.Log, e events.Event, why moveReason, transfer func() (string, error)) (winner string, err error) {
	again := why != moveAsked && a.failed(e.Reason)
	if !again {
		log.Add(e)
	}
	winner, err = transfer()
	if known := a.note(e.Reason, err); known && again {
		return winner, err
	}
	if again {
		log.Add(e)
	}
	e.Kind, e.To = events.TransferDone, cmp.Or(winner, e.To)
	if err != nil {
		e.Kind, e.Error = events.TransferFailed, err.Error()
	}
	log.Add(e)
	return winner, err
}

// failed tells whether the last move failed, and was for this reason.
func (a *attempts) failed(reason string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err != "" && a.reason == reason
}

// note takes how a move has ended, and tells whether it failed as the last one did.
func (a *attempts) note(reason string, err error) (known bool) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	known = text != "" && a.reason == reason && a.err == text
	a.reason, a.err = reason, text
	return known
}
