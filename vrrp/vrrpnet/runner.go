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
	router   *vrrp.Router
	wire     *vrrp.Wire // nil until it has a source
	group    *group     // nil for none
	priority uint8      // that is wanted
	fault    string     // why it is not to serve; "" if it is
	room     int        // how many addresses an advert can hold
	obstacle string     // for which it cannot serve; empty for none

	link   linkDelay
	relook time.Duration // when its link is to be looked at again; 0 for never

	place        place // where it runs, or ran last
	sender       *sender
	receivers    []*receiver
	destinations []*destination
	control      []byte

	queued         int // packets that wait to be sent
	queuedPriority uint8

	queue *deadlines // where it waits, at which place, and until when
	at    int
	wake  time.Duration // due, and somewhat later
	due   time.Duration
	slack time.Duration

	absorption *absorption // nil for none

	hold     *hold
	seen     Status // but for what the router knows
	remarked bool   // it is in the engine's list

	said sendErrors
}

// maxSlack is how much later than its deadline a router is woken at most, so that
// those of many are met together.
const maxSlack = 400 * time.Microsecond

// hold tells until when a router holds its addresses.
type hold struct{ until atomic.Int64 }

func newRunner(i Instance, now time.Duration) *runner {
	cfg := i.Router
	cfg.Grouped = i.Group != ""
	r := &runner{
		Instance: i,
		router:   vrrp.New(cfg),
		priority: i.Router.Priority,
		fault:    i.Fault,
		slack:    min(maxSlack, i.Router.Interval/100),
		hold:     &hold{},
	}
	r.seen.Name = i.Name
	r.router.SetPriority(now, 0) // until it has a place
	r.router.Start(now)
	return r
}

// multicast is the group that it sends to without peers.
func (r *runner) multicast() netip.Addr {
	if r.IPv6 {
		return r.Wire.Group(vrrp.IPv6)
	}
	return r.Wire.Group(vrrp.IPv4)
}

// wireConfig is how the adverts look: they have as many of the addresses as they can hold.
func (r *runner) wireConfig() vrrp.WireConfig {
	cfg := r.Wire
	cfg.Addresses = cfg.Addresses[:min(r.room, len(cfg.Addresses))]
	return cfg
}

// resize has adverts hold at most so many addresses.
func (r *runner) resize(room int) {
	r.room = room
	if r.wire != nil {
		r.wire.Reconfigure(r.wireConfig())
	}
}

// setSource changes the source of the adverts.
func (r *runner) setSource(source netip.Addr) {
	r.router.SetSource(source)
	if r.wire == nil {
		cfg := r.wireConfig()
		cfg.Source = source
		r.wire = vrrp.NewWire(cfg)
		return
	}
	r.wire.SetSource(source) // it goes on counting
}

// left is called when a packet has left. It tells whether the lease has opened.
func (r *runner) left(now time.Duration, priority uint8) (opened bool) {
	r.queued--
	if priority == 0 {
		return false
	}
	r.seen.Sent++
	until := r.router.Lease()
	if until == 0 {
		return false // it is not the master any more
	}
	before := time.Duration(r.hold.until.Swap(int64(until)))
	if before > until { // the interval has become shorter, and with it the patience of the backups
		r.Lease.Shut()
	}
	r.Lease.Open(until)
	return before <= now
}

// failed is called when a packet could not leave.
func (r *runner) failed(err error) {
	r.queued--
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
	s.State, s.Priority = r.router.State(), r.router.Priority()
	s.Source, s.Master = r.place.source, r.router.Master()
	if r.wire != nil {
		s.Form = r.wire.Form()
	}
	return s
}

// heard returns who was heard.
func (r *runner) heard() Heard {
	if r.wire == nil {
		return Heard{}
	}
	return Heard{Refused: r.wire.Refused(), Senders: r.wire.AppendSenders(nil)}
}
