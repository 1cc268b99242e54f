package vrrpnet

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// runner runs an instance. All of it but the hold is the loop's alone.
type runner struct {
	Instance
	born     time.Duration
	router   *vrrp.Router
	wire     *vrrp.Wire
	priority uint8 // that is wanted

	place        place // where it runs, or ran last
	sender       *sender
	receivers    []*receiver
	destinations []*destination
	control      []byte

	queue *deadlines // where it waits, at which place, and until when
	at    int
	wake  time.Duration // due, and somewhat later
	due   time.Duration
	slack time.Duration

	hold *hold
	seen Status // but for what the router knows
}

// maxSlack is how much later than its deadline a router is woken at most, so that
// those of many are met together.
const maxSlack = time.Millisecond

// hold tells until when a router holds its addresses.
type hold struct{ until atomic.Int64 }

func newRunner(i Instance, now time.Duration) *runner {
	r := &runner{
		Instance: i,
		born:     now,
		priority: i.Router.Priority,
		slack:    min(maxSlack, i.Router.Interval/100),
		hold:     &hold{},
	}
	r.seen.Name = i.Name
	r.reset(netip.Addr{}, now)
	return r
}

// reset makes the router for a source, which begins in fault. One that was there must
// have been in fault, too.
func (r *runner) reset(source netip.Addr, now time.Duration) {
	cfg := r.Router
	cfg.Source = source
	cfg.StartDelay = max(0, r.born+cfg.StartDelay-now)
	r.router = vrrp.New(cfg)
	r.router.SetPriority(now, 0)
	r.router.Start(now)
	switch {
	case !source.IsValid():
	case r.wire == nil:
		wire := r.Wire
		wire.Source = source
		r.wire = vrrp.NewWire(wire)
	default:
		r.wire.SetSource(source) // it goes on counting
	}
}

// left is called when a packet has left.
func (r *runner) left(priority uint8) {
	if priority == 0 {
		return
	}
	r.seen.Sent++
	if until := r.router.Lease(); until > 0 { // it is the master still
		r.Lease.Open(until)
		r.hold.until.Store(int64(until))
	}
}

// failed is called when a packet could not leave.
func (r *runner) failed(err error) {
	r.seen.SendErrors++
	r.seen.SendError = err
}

// shut ends the lease.
func (r *runner) shut() {
	r.hold.until.Store(0)
	r.Lease.Shut()
}

// status returns what is known.
func (r *runner) status() Status {
	s := r.seen
	s.State, s.Priority, s.Source = r.router.State(), r.router.Priority(), r.place.source
	return s
}
