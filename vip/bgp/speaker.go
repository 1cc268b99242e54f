package bgp

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Options are the fixed properties of a Speaker.
type Options struct {
	Socket string // of bgpd's vty
	ASN    uint32 // of the instance, which the operator has configured
	// Ledger is the file that remembers what was announced, so that it is withdrawn at the
	// start after a crash. Empty means none.
	Ledger string
	// Settle is for how long a network that was taken over is announced as a fresh one:
	// longer than the last owner's route may stay after its process ended. That of a machine
	// that is dead stays for the hold time, which the Speaker sees to by itself. 0 is for
	// networks that several nodes announce side by side: their routes are all alike.
	Settle time.Duration
	// Next returns the term in which this node would own next, 0 if that is not to be
	// foreseen, for less to be told at a take-over. nil foresees none. It must not wait.
	Next func() uint64
	// Log receives what is said to bgpd. nil discards it.
	Log *slog.Logger
}

// Speaker announces networks through bgpd. Run does the work.
type Speaker struct {
	opts    Options
	open    func() (vty, error)
	hold    func([]netip.Prefix, time.Duration) (closer, error) // makes a placeholder
	log     *slog.Logger
	ledger  ledger
	poke    chan struct{}
	records chan []netip.Prefix // for the ledger; newest wins
	met     chan struct{}       // closed once bgpd has told of its neighbors
	speech  speech              // of Run alone

	mu     sync.Mutex // guards what follows, for moments only
	demand demand
	held   closer    // the placeholder; nil for none
	last   time.Time // when bgpd is given no more commands; zero while Run goes on
	status Status
}

// New returns a Speaker that announces nothing yet. It does no I/O.
func New(o Options) *Speaker {
	s := &Speaker{
		opts:    o,
		open:    func() (vty, error) { return dial(o.Socket) },
		hold:    newPlaceholder,
		log:     o.Log,
		ledger:  ledger(o.Ledger),
		poke:    make(chan struct{}, 1),
		records: make(chan []netip.Prefix, 1),
		met:     make(chan struct{}),
		status:  Status{State: Pending, Since: time.Now()},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Own names the networks that perch may announce: whatever of them is in bgpd's
// configuration and not wanted goes, as does what was announced before and is not named
// any more. It does not wait.
func (s *Speaker) Own(list []netip.Prefix) error {
	for _, p := range list {
		if !p.IsValid() || !p.IsSingleIP() {
			return fmt.Errorf("network %s: not that of one address", p)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand.own(list)
	s.stir()
	return nil
}

// Set says which of the networks are to be announced, and in which term this node owns them:
// that of each owner is greater than that of the one before, and 0 where networks have none.
// It does not wait for bgpd, and the newest one counts.
func (s *Speaker) Set(want []netip.Prefix, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.demand.set(want, term, time.Now()) {
		s.stir()
	}
}

// stir has Run look at what is wanted. The caller holds mu.
func (s *Speaker) stir() {
	s.demand.changed = true
	select {
	case s.poke <- struct{}{}:
	default: // one is on its way
	}
}

// Status returns what is known at this moment.
func (s *Speaker) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Wanted = inOrder(s.demand.want)
	if (s.demand.changed || !s.demand.asked.IsZero()) && (st.State == Announced || st.State == Standby) {
		st.State = Pending
	}
	st.Neighbors = slices.Clone(st.Neighbors)
	return st
}

// Met is closed once bgpd has told of its neighbors for the first time.
func (s *Speaker) Met() <-chan struct{} { return s.met }

// foresee readies the metric of the next term while nothing is wanted.
func (s *Speaker) foresee() {
	if s.opts.Next == nil || s.opts.Settle == 0 {
		return
	}
	term := s.opts.Next()
	s.mu.Lock()
	defer s.mu.Unlock()
	if term != 0 && term != s.demand.term && len(s.demand.want) == 0 {
		s.demand.term = term
		s.stir()
	}
}

// standings are those that some of our networks may have, and that have a route-map.
func (s *Speaker) standings(ours set) []standing {
	if s.opts.Settle == 0 || len(ours) == 0 {
		return nil
	}
	return mapped()
}

// settleIn is for how long a network that was taken over is a fresh one: also for as long as
// routers believe in the last owner, whose machine may be dead. The caller holds mu.
func (s *Speaker) settleIn() time.Duration {
	if s.opts.Settle == 0 || s.status.Hold == 0 {
		return s.opts.Settle
	}
	return max(s.opts.Settle, s.status.Hold+holdMargin)
}

// demand is what is wanted of bgpd.
type demand struct {
	owned   set
	retired set                        // no longer owned, but maybe still in bgpd's configuration
	want    map[netip.Prefix]time.Time // since when
	term    uint64                     // in which, or that of the next one to be foreseen
	changed bool                       // since the last pass began
	asked   time.Time                  // when it last changed
	told    bool                       // bgpd has answered to that
	// moving are those of a planned move that were not taken over anew since it began: they
	// make way for any other's, and stay until it is over if they are wanted no more.
	moving set
	until  time.Time // when it is over; zero while there is none
}

func (d *demand) own(list []netip.Prefix) {
	before := d.owned
	d.owned = setOf(list)
	if d.retired == nil {
		d.retired = set{}
	}
	for p := range before {
		d.retired[p] = struct{}{}
	}
}

// set replaces what is wanted, and tells whether that changes anything. In another term all
// is taken over anew: somebody else may have had it in between.
func (d *demand) set(list []netip.Prefix, term uint64, now time.Time) bool {
	want := make(map[netip.Prefix]time.Time, len(list))
	for _, p := range list {
		since, had := d.want[p]
		if !had || term != d.term {
			since = now
			delete(d.moving, p)
		}
		want[p] = since
	}
	if maps.Equal(want, d.want) && (term == d.term || len(want) == 0) {
		return false
	}
	d.want, d.asked, d.told = want, now, false
	if len(want) > 0 {
		d.term = term
	}
	return true
}

// networks is how what is wanted is to be announced now, and when that changes by itself;
// zero if it does not.
func (d *demand) networks(now time.Time, settle time.Duration) (n networks, next time.Time) {
	n, next = networks{}, d.until
	for p := range d.moving {
		n[p] = leaving
	}
	for p, since := range d.want {
		until := since.Add(settle)
		switch {
		case settle == 0:
			n[p] = alike
		case d.moving.has(p):
		case now.Before(until):
			n[p] = fresh
			if next.IsZero() || until.Before(next) {
				next = until
			}
		default:
			n[p] = settled
		}
	}
	return n, next
}

// ours are the networks that are perch's to change.
func (d *demand) ours() set {
	ours := maps.Clone(d.retired)
	if ours == nil {
		ours = set{}
	}
	maps.Copy(ours, d.owned)
	for p := range d.want {
		ours[p] = struct{}{}
	}
	return ours
}
