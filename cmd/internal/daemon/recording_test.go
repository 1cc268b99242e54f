package daemon

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// A move that is tried again each second, and fails in the same way, is told once; what an
// operator asks for, each time.
func TestAttemptsThatFailAgain(t *testing.T) {
	var a attempts
	log := events.New("lb1")
	try := func(why moveReason, err error) {
		e := events.Event{Kind: events.TransferBegun, Reason: "sick"}
		winner, got := a.record(log, e, why, func() (string, error) { return map[bool]string{true: "lb2"}[err == nil], err })
		if got != err || (winner == "") != (err != nil) {
			t.Errorf("%q, %v of %v", winner, got, err)
		}
	}
	nobody, stuck := errors.New("nobody"), errors.New("stuck")
	for range 5 {
		try(moveUnfit, nobody)
	}
	try(moveAsked, nobody)
	try(moveUnfit, stuck)
	try(moveUnfit, stuck)
	try(moveUnfit, nil)
	try(moveUnfit, nil)
	wantRecorded(t, "moves", log.After(events.ID{}),
		"transfer_begun||>|sick|", "transfer_failed||>|sick|nobody",
		"transfer_begun||>|sick|", "transfer_failed||>|sick|nobody",
		"transfer_begun||>|sick|", "transfer_failed||>|sick|stuck",
		"transfer_begun||>|sick|", "transfer_done||>lb2|sick|",
		"transfer_begun||>|sick|", "transfer_done||>lb2|sick|",
	)
}

// Each outcome is told but those that may be thousands, of servers that are told of well; of a hook
// for each thing that is owned.
func TestOutcomesThatAreEvents(t *testing.T) {
	var u unheard
	log := events.New("lb1")
	for _, o := range []notify.Outcome{
		{Target: "mail", Event: "master of gw", Result: notify.Told},
		{Target: "mail", Event: "backup of gw", Result: notify.Failed, Error: "refused"},
		{Target: "mail", Event: "master of gw", Result: notify.Dropped},
		{Target: "mail", Event: "fault of gw", Result: notify.Failed, Error: "refused"},
		{Target: "mail", Event: "backup of gw", Result: notify.Told},
		{Target: "mail", Event: "master of gw", Result: notify.Told},
		{Target: "mail", Event: "server_up of web", OfServer: true, Result: notify.Told},
		{Target: "mail", Event: "server_down of web", OfServer: true, Result: notify.Failed, Error: "refused"},
		{Target: "mail", Event: "server_up of web", OfServer: true, Result: notify.Told},
		{Target: "claim", About: "edge", Event: "converge owner 3 of edge", Result: notify.Failed, Error: "exit status 1"},
		{Target: "claim", About: "gw", Event: "converge owner of gw", Result: notify.Told},
		{Target: "claim", About: "edge", Event: "converge owner 3 of edge", Result: notify.Told},
	} {
		u.record(log, &o)
	}
	wantRecorded(t, "outcomes", log.After(events.ID{}),
		"notify_told|mail|>|master of gw|",
		"notify_failed|mail|>|backup of gw|refused",
		"notify_failed|mail|>|fault of gw|refused",
		"notify_mended|mail|>|backup of gw|",
		"notify_told|mail|>|master of gw|",
		"notify_failed|mail|>|server_down of web|refused",
		"notify_mended|mail|>|server_up of web|",
		"notify_failed|claim of edge|>|converge owner 3 of edge|exit status 1",
		"notify_told|claim of gw|>|converge owner of gw|",
		"notify_mended|claim of edge|>|converge owner 3 of edge|",
	)
}

// That a part has failed is told before anything ends for it, so that who follows events
// hears of it.
func TestFailureIsToldBeforeTheEnd(t *testing.T) {
	group, parts := errgroup.WithContext(t.Context())
	broken := errors.New("broken")
	var told []error
	var before error
	c := &crew{group, func(err error) { told, before = append(told, err), context.Cause(parts) }}
	c.Go(func() error { return nil })
	c.Go(func() error { return broken })
	if err := c.Wait(); err != broken || len(told) != 1 || told[0] != broken || before != nil {
		t.Errorf("%v, told %v, and the others %v", err, told, before)
	}
}
