package vrrp

import (
	"net/netip"
	"time"
)

// State is the state of a virtual router (RFC 9568 section 6.3).
type State uint8

// The states.
const (
	Init   State = iota // not started
	Backup              // watches the master
	Master              // called Active since RFC 9568
	Fault               // cannot serve: its interface is down, or what it tracks has failed
)

func (s State) String() string { return [...]string{"init", "backup", "master", "fault"}[s] }

// Action is something to be done for a virtual router.
type Action uint8

// The actions.
const (
	SendAdvert   Action = iota + 1 // with the effective priority
	SendFarewell                   // an advert of priority 0
	Take                           // take the addresses, and announce them
	Release                        // let the addresses go
	Announce                       // announce the addresses once more
)

func (a Action) String() string {
	return [...]string{SendAdvert: "advert", SendFarewell: "farewell", Take: "take", Release: "release", Announce: "announce"}[a]
}

// Owner is the priority of a router that owns the addresses (RFC 9568 section 5.2.4).
const Owner = 255

// patience is after how many intervals without an advert a master is taken for dead,
// but for the skew time (RFC 9568 section 6.1).
const patience = 3

// Config is how a virtual router is set up.
type Config struct {
	Version      Version
	Priority     uint8         // 1 to 255
	Interval     time.Duration // between adverts: see Version.MaxInterval
	Source       netip.Addr    // from which adverts go: it breaks a tie
	Preempt      bool          // take over from a master of lower priority
	PreemptDelay time.Duration // and only after that was seen for so long
	StartDelay   time.Duration // hear nothing, and stay backup, for so long after the start
	Grouped      bool          // rise only when its Group does
	// Reticent has a master not answer an advert of lower priority, but for announcing the
	// addresses once more (RFC 5798 section 6.4.3 discards it).
	Reticent bool
	// Concede has a master that gives way to a better one say once more who it was, which
	// the better one answers.
	Concede bool
}

// Router is the state machine of one virtual router on this node (RFC 9568 section
// 6.4). It is not safe for concurrent use. Times are readings of one clock, which goes
// on while the machine is suspended. The actions that its methods return are to be
// done in their order, and are valid until the next call.
type Router struct {
	cfg      Config
	state    State
	priority uint8         // effective; 0 in fault
	interval time.Duration // of the master, as it was heard last
	deadline time.Duration // of a master: the next advert; of a backup: its patience ends
	sent     time.Duration // when a master last asked for an advert
	deaf     time.Duration // nothing is heard before
	weaker   time.Duration // since when a master of lower priority is heard; 0 for none
	master   netip.Addr    // whom a backup hears
	answers  int           // that a master has given since its last advert in time
	ready    bool          // a backup of a group: would be master if it were alone
	held     bool          // in fault, as another one of its group is
	actions  [4]Action
}

// New makes a router, not yet started.
func New(cfg Config) *Router {
	r := &Router{cfg: cfg, priority: cfg.Priority}
	r.SetSource(cfg.Source)
	return r
}

// State returns the state.
func (r *Router) State() State { return r.state }

// Priority returns the effective priority, 0 in fault.
func (r *Router) Priority() uint8 {
	if r.state == Fault {
		return 0
	}
	return r.priority
}

// Master returns the address of the master as far as it is known; else it is not valid.
func (r *Router) Master() netip.Addr {
	switch r.state {
	case Backup:
		return r.master
	case Master:
		return r.cfg.Source
	}
	return netip.Addr{}
}

// SetSource changes from which address adverts go.
func (r *Router) SetSource(source netip.Addr) { r.cfg.Source = source.WithZone("") }

// Reconfigure changes all but the version, the source, and what SetPriority changes. A
// master goes on as one, and says at once what has changed.
func (r *Router) Reconfigure(now time.Duration, cfg Config) []Action {
	cfg.Source, cfg.Grouped = r.cfg.Source, r.cfg.Grouped
	r.cfg = cfg
	if r.state != Master {
		return nil
	}
	r.interval = cfg.Interval
	return r.advertise(now, now+cfg.Interval)
}

// Deadline returns when Tick is due, or false if it is not.
func (r *Router) Deadline() (time.Duration, bool) {
	return r.deadline, r.state == Master || r.state == Backup && !r.ready
}

// Lease returns until when this node may answer for the addresses: a master whose
// adverts have ended by then was given up by all that hear it.
func (r *Router) Lease() time.Duration {
	if r.state != Master {
		return 0
	}
	return r.sent + patience*r.cfg.Interval
}

// skew is for how much longer a router of low priority is patient (RFC 9568 section
// 6.1, RFC 3768 section 6.1).
func (r *Router) skew() time.Duration {
	unit := r.interval
	if r.cfg.Version == V2 {
		unit = time.Second
	}
	return time.Duration(256-int(r.priority)) * unit / 256
}

// masterDown is how long a backup is patient without an advert.
func (r *Router) masterDown() time.Duration { return patience*r.interval + r.skew() }

// do returns actions without allocating.
func (r *Router) do(actions ...Action) []Action { return append(r.actions[:0], actions...) }

// Start starts the router (section 6.4.1).
func (r *Router) Start(now time.Duration) []Action {
	r.deaf = now + r.cfg.StartDelay
	return r.begin(now)
}

// begin makes a router that can serve a backup, or a master if it is the owner.
func (r *Router) begin(now time.Duration) []Action {
	if r.priority == 0 || r.held {
		r.state = Fault
		return nil
	}
	r.watch(max(now, r.deaf), r.cfg.Interval, netip.Addr{})
	if r.priority == Owner && r.deaf <= now {
		return r.stand(now)
	}
	return nil
}

// stand makes a backup the master, or one of a group ready for it.
func (r *Router) stand(now time.Duration) []Action {
	if r.cfg.Grouped {
		r.ready, r.master = true, netip.Addr{}
		return nil
	}
	return r.rise(now)
}

// rise makes this router the master.
func (r *Router) rise(now time.Duration) []Action {
	r.state, r.interval, r.weaker, r.answers = Master, r.cfg.Interval, 0, 0
	r.sent, r.deadline = now, now+r.cfg.Interval
	return r.do(SendAdvert, Take)
}

// watch makes this router a backup of a master that advertises at the given interval.
func (r *Router) watch(now, interval time.Duration, master netip.Addr) {
	r.state, r.interval, r.master, r.ready = Backup, interval, master, false
	r.deadline = now + r.masterDown()
}

// Stop ends the router, which can be started again.
func (r *Router) Stop() []Action {
	r.held = false
	return r.leave(Init)
}

// leave ends what this router does, and tells the others if it was the master. It
// releases first: another one may take over as soon as it hears that.
func (r *Router) leave(to State) []Action {
	was := r.state
	r.state, r.weaker, r.ready = to, 0, false
	if was != Master {
		return nil
	}
	return r.do(Release, SendFarewell)
}

// Tick is called when the deadline has passed.
func (r *Router) Tick(now time.Duration) []Action {
	switch due, ticking := r.Deadline(); {
	case !ticking || now < due:
		return nil
	case r.state == Master && now >= r.Lease():
		// This process was not running, and another router may be the master by now. If so,
		// it is heard within an interval: if the machine was suspended nothing waits to be.
		r.watch(now, r.cfg.Interval, netip.Addr{})
		r.deadline = now + r.cfg.Interval + r.skew()
		return r.do(Release)
	case r.state == Master:
		r.answers = 0
		return r.advertise(now, r.next(now))
	case now >= due+patience*r.cfg.Interval:
		r.watch(now, r.cfg.Interval, netip.Addr{}) // nor did it hear anything
		return nil
	}
	return r.stand(now)
}

// next returns when a master that is due now is due again. What it missed it does not
// make up for.
func (r *Router) next(now time.Duration) time.Duration {
	if next := r.deadline + r.cfg.Interval; next > now {
		return next
	}
	return now + r.cfg.Interval
}

// maxAnswers is how many adverts a master answers in one interval, be it that it only
// announces its addresses for them. Two of which each
// takes itself for the better one, since addresses are changed between them, would
// answer each other without end.
const maxAnswers = 8

// spend takes one of the answers that are left in this interval, and reports whether it did.
func (r *Router) spend() bool {
	if r.answers == maxAnswers {
		return false
	}
	r.answers++
	return true
}

// answer asks for an advert out of time, and for something more.
func (r *Router) answer(now time.Duration, more ...Action) []Action {
	if !r.spend() {
		return nil
	}
	r.advertise(now, now+r.cfg.Interval)
	return append(r.do(SendAdvert), more...)
}

// advertise asks for an advert, and for the next one later.
func (r *Router) advertise(now, next time.Duration) []Action {
	r.sent, r.deadline = now, next
	return r.do(SendAdvert)
}

// Hear is called with the priority and interval of each advert that is for this router
// and not refused, and with its sender (sections 6.4.2 and 6.4.3).
func (r *Router) Hear(now time.Duration, from netip.Addr, priority uint8, interval time.Duration) []Action {
	from = from.WithZone("")
	switch {
	case now < r.deaf:
		return nil
	case r.state == Backup:
		r.hearAsBackup(now, from, priority, interval)
		return nil
	case r.state == Master:
		return r.hearAsMaster(now, from, priority, interval)
	}
	return nil
}

func (r *Router) hearAsBackup(now time.Duration, from netip.Addr, priority uint8, interval time.Duration) {
	switch {
	case priority == 0:
		r.deadline, r.weaker, r.ready, r.master = now+r.skew(), 0, false, netip.Addr{}
	case priority >= r.priority:
		r.weaker = 0
		r.watch(now, interval, from)
	case r.tolerates(now):
		r.watch(now, interval, from)
	default:
		r.master = from // for as long as this one's patience lasts
	}
}

// tolerates tells whether a master of lower priority is left alone. An owner does not.
func (r *Router) tolerates(now time.Duration) bool {
	if r.weaker == 0 {
		r.weaker = now
	}
	if r.priority == Owner {
		return false
	}
	return !r.cfg.Preempt || now-r.weaker < r.cfg.PreemptDelay
}

func (r *Router) hearAsMaster(now time.Duration, from netip.Addr, priority uint8, interval time.Duration) []Action {
	switch {
	case priority == 0:
		return r.answer(now)
	case priority > r.priority, priority == r.priority && r.cfg.Source.Less(from):
		r.watch(now, interval, from)
		if r.cfg.Concede && priority > r.priority {
			return r.do(Release, SendAdvert)
		}
		return r.do(Release)
	case priority == r.priority && from == r.cfg.Source:
		return nil // two with one address would answer each other without end
	}
	if r.cfg.Reticent {
		if !r.spend() {
			return nil
		}
		return r.do(Announce)
	}
	// It must hear of this one, and so must the bridges between (RFC 9568 section 1.2).
	return r.answer(now, Announce)
}

// SetPriority changes the effective priority; 0 is a fault, and ends with the next one.
func (r *Router) SetPriority(now time.Duration, priority uint8) []Action {
	before := r.skew()
	was := r.priority
	r.priority = priority
	switch {
	case r.state == Init || priority == was:
		return nil
	case priority == 0:
		return r.leave(Fault)
	case r.state == Fault:
		return r.begin(now)
	case r.state == Backup:
		r.deadline += r.skew() - before
	}
	return nil
}
