package vrrpnet

import (
	"context"
	"log/slog"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// How often it is seen to what there is to log, and how often the loop is asked for that
// though it has not said that there is anything: it is not to be woken for nothing.
const (
	reportEvery    = time.Second
	reportAllEvery = 10 // times
)

// report is what there is to log of one instance.
type report struct {
	name    string
	wire    vrrp.WireConfig
	senders []vrrp.Sender
	failed  error
}

// logAll logs what the loop has noticed, until ctx ends: the loop must not wait for a
// log.
func (e *Engine) logAll(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if e.notable.Swap(false) || n%reportAllEvery == 0 {
			e.logReports()
			e.inspect()
		}
		e.logUnknown()
	}
}

func (e *Engine) logReports() {
	var all []report
	e.commands.call(func() { all = e.reports() })
	for _, r := range all {
		r.write(e.log)
	}
}

// reports returns what is new.
func (e *Engine) reports() []report {
	var all []report
	for _, r := range e.runners {
		if one, ok := r.report(e.now); ok {
			all = append(all, one)
		}
	}
	return all
}

func (r *runner) report(now time.Duration) (report, bool) {
	if r.wire == nil {
		return report{}, false
	}
	is := report{name: r.Name}
	for s, due := r.wire.Due(now); due; s, due = r.wire.Due(now) {
		is.senders = append(is.senders, s)
	}
	if said := &r.said; r.seen.SendErrors > said.errors && (r.seen.SendError != said.last || now-said.at >= sameEvery) {
		*said = sendErrors{r.seen.SendErrors, r.seen.SendError, now}
		is.failed = said.last
	}
	if len(is.senders) == 0 && is.failed == nil {
		return report{}, false
	}
	is.wire = r.wireConfig()
	return is, true
}

// sameEvery is how often the same error of sending is logged.
const sameEvery = time.Minute

// sendErrors is what was logged last of them.
type sendErrors struct {
	errors uint64
	last   error
	at     time.Duration
}

func (r report) write(log *slog.Logger) {
	for _, s := range r.senders {
		log.Warn("another router does not fit", "name", r.name, "router", s.Address.String(), "reason", s.Explain(r.wire))
	}
	if r.failed != nil {
		log.Error("advert not sent", "name", r.name, "error", r.failed)
	}
}
