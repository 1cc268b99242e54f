package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// idle is how long the holder sleeps at most.
const idle = 500 * time.Millisecond

// addresses is what the holder needs of package vip. Before each address that it
// adds or refreshes the real one asks allowed.
type addresses interface {
	Configure([]vip.VIP) error
	Set([]vip.VIP) error
	Status() []vip.Status
}

// ownership is what the holder needs of package cluster.
type ownership interface {
	Ownership() cluster.Ownership
	Now() time.Duration
	Changed() <-chan struct{}
	Extended() <-chan struct{}
	Outage(term uint64, held time.Duration) state.Outage
}

// gate is what the holder needs of package fence.
type gate interface {
	Epoch() uint64
	Open(epoch uint64, until time.Duration) error
	Shut() error
	Protect([]netip.Prefix) error
	Trouble() error
	Strict() bool
}

// holder keeps the VIPs in step with ownership. No lock is held while addresses
// are set: that nothing is added once ownership is gone rests on allowed.
type holder struct {
	cluster ownership
	vips    addresses
	fence   gate
	may     func() situation                  // but for leads
	told    func(held []vip.VIP, term uint64) // of what is to be held; it must not wait
	log     *slog.Logger
	record  func(change)  // of a change in what is held; it must not wait
	claims  chan claim    // for the scribe; newest wins
	moves   chan struct{} // for the mover
	poke    chan struct{} // for the loop
	taken   chan struct{} // for follow: this node begins to hold
	turned  chan struct{} // for whoever follows what is decided; it is another than before
	moved   chan struct{} // for whoever follows where the VIPs are; they have come or gone
	decided decision      // by the last step
	pace    pace          // of the loop

	until    atomic.Int64 // when the last lease ends that the fence was opened for, in the cluster's time
	margin   margin
	ordering atomic.Int64 // orders under way
	takings  atomic.Uint64
	darkened atomic.Bool // a release has left addresses behind a shut fence, and said so

	mu         sync.Mutex // guards what follows, for moments only
	configured []vip.VIP
	fenced     []vip.VIP     // those that the fence has; nil before the first
	leaving    bool          // take no more
	stopped    bool          // hold no more
	why        string        // the next release, "" if it is not known
	ceased     time.Duration // to hold, in the cluster's time; 0 while it holds, and before it ever did
	orders     uint64
	done       setting // what the kernel was brought to by the last order
}

// amount is how many of the configured VIPs the kernel holds.
type amount int

const (
	none amount = iota
	some        // what a release under way, or one that failed, has left
	all
)

// setting is what the kernel was told to hold.
type setting struct {
	settled bool // nothing is to be set: no order is under way, the last one did not fail, and the list is the same
	held    amount
	term    uint64 // of all
}

// change is another amount of VIPs than before.
type change struct {
	held amount
	term uint64 // in which they were taken
	why  string // they were released, if that is known
}

func newHolder(c ownership, fence gate, may func() situation, log *slog.Logger) *holder {
	return &holder{
		cluster: c,
		fence:   fence,
		may:     may,
		told:    func([]vip.VIP, uint64) {},
		log:     log,
		record:  func(change) {},
		claims:  make(chan claim, 1),
		moves:   make(chan struct{}, 1),
		poke:    make(chan struct{}, 1),
		taken:   make(chan struct{}, 1),
		turned:  make(chan struct{}, 1),
		moved:   make(chan struct{}, 1),
	}
}

// run follows ownership until ctx ends.
func (h *holder) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	h.pace.begin()
	defer h.pace.end()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.cluster.Changed():
		case <-h.poke:
		case <-timer.C:
		}
		falter("holder")
		timer.Reset(h.step())
		h.pace.turn()
	}
}

// step evaluates ownership, does what follows, and returns after which time it
// must be evaluated again at the latest.
func (h *holder) step() time.Duration {
	own, decided := h.keep()
	if decided != h.decided {
		h.decided = decided
		offer(h.turned, struct{}{})
	}
	switch decided {
	case hold:
		h.take(own.Term)
	case handOver:
		h.give("this node may not own")
		offer(h.moves, struct{}{})
	case refrain:
		h.give("this node is sick, and no healthy one may take over")
	case standby:
		h.give("this node does not lead, or its lease ended")
	}
	if decided == standby || decided == refrain {
		return idle
	}
	return min(max(own.Until-h.cluster.Now(), time.Millisecond), idle)
}

// follow opens the fence for longer whenever the lease has become longer, until ctx
// ends. It is apart from run, which may be busy with thousands of addresses. Where
// nobody tells of a longer lease, since no answer extends it, it looks in time: a
// cluster of one node extends its own.
func (h *holder) follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.cluster.Extended():
		case <-h.taken:
		case <-timer.C:
		}
		own, decided := h.keep()
		if decided != hold {
			timer.Stop() // until it is taken
			continue
		}
		timer.Reset(max((own.Until-h.cluster.Now())*3/4, time.Millisecond))
	}
}

// keep evaluates ownership, and opens the fence for as long as this node may hold.
// A release that comes in between wins: what was evaluated before it counts no more.
func (h *holder) keep() (cluster.Ownership, decision) {
	for {
		epoch := h.fence.Epoch()
		own, decided := h.evaluate()
		if decided != hold {
			return own, decided
		}
		err := h.fence.Open(epoch, own.Until)
		switch {
		case err == nil:
			if h.term() == own.Term { // else it is the first lease
				h.margin.note(time.Duration(h.until.Load()) - h.cluster.Now())
			}
			h.until.Store(int64(own.Until))
			return own, hold
		case !errors.Is(err, fence.ErrStale):
			h.log.Error("no VIP can be held", "error", err)
			return own, handOver
		}
	}
}

// evaluate asks the cluster and decides.
func (h *holder) evaluate() (cluster.Ownership, decision) {
	own := h.cluster.Ownership()
	s := h.may()
	h.mu.Lock()
	defer h.mu.Unlock()
	left := h.leaving && h.done.held != all
	s.leads = own.Leads(h.cluster.Now()) && !h.stopped && !left
	return own, decide(s)
}

// allowed tells whether this node may hold VIPs at this moment. The VIP manager
// asks before each address, so that a taking ends with ownership wherever it is.
func (h *holder) allowed() bool {
	_, decided := h.evaluate()
	return decided == hold
}

// holding tells whether this node took the VIPs and has not released them all.
func (h *holder) holding() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done.held != none
}

// term returns that in which this node took the VIPs that it holds, 0 if it holds none.
func (h *holder) term() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done.term
}

// place is where the VIPs are. It does not take their release for granted that is due:
// a node that was frozen owns nothing when it goes on, and another one may. It goes by the
// last lease, and evaluates none: who does has to open the fence for as long.
func (h *holder) place() place {
	at, _ := h.claim()
	return at
}

// claim is place, with the term in which this node took the VIPs that it holds.
func (h *holder) claim() (at place, term uint64) {
	h.mu.Lock()
	held, term := h.done.held, h.done.term
	h.mu.Unlock()
	switch {
	case held == none:
		return elsewhere, 0
	case held == some, h.cluster.Now() >= time.Duration(h.until.Load()):
		return releasing, term
	}
	return here, term
}

// take sets all configured VIPs.
func (h *holder) take(term uint64) {
	h.mu.Lock()
	done, want, ceased := h.done, h.configured, h.ceased
	h.mu.Unlock()
	if done == (setting{settled: true, held: all, term: term}) {
		return
	}
	offer(h.taken, struct{}{})
	h.log.Debug("moment", "what", "taking", "boot", h.cluster.Now())
	err := h.order(want, setting{held: all, term: term})
	switch {
	case errors.Is(err, vip.ErrNotConfigured): // a reload is under way, which pokes at its end
		return
	case outOfDate(err):
		offer(h.poke, struct{}{})
		return
	case err != nil: // the VIP manager tries again by itself
		h.log.Error("taking the VIPs", "error", err)
	}
	if done.held == all && done.term == term {
		return // only the list has changed
	}
	h.log.Debug("moment", "what", "taken", "boot", h.cluster.Now())
	h.takings.Add(1)
	h.log.Info("this node owns the VIPs", "term", term)
	offer(h.claims, claim{term, h.cluster.Outage(term, ceased)})
}

// give releases all VIPs. When it fails it is tried again at the next step.
func (h *holder) give(why string) {
	h.mu.Lock()
	done := h.done
	settled := done == (setting{settled: true})
	if !settled {
		h.why = why
	}
	h.mu.Unlock()
	if settled {
		return
	}
	if left := time.Duration(h.until.Load()) - h.cluster.Now(); done.held == all && left <= 0 {
		h.margin.note(left)
	}
	if err := h.release(); err != nil {
		h.log.Error("releasing the VIPs", "error", err)
		return
	}
	if h.holding() {
		return // behind a shut fence
	}
	if done.held != none { // else it was only made sure of, after a reload
		h.log.Info("this node holds no VIP", "why", why)
	}
}

// order makes the kernel hold want. What came of it is noted only if no later
// order was given meanwhile.
func (h *holder) order(want []vip.VIP, to setting) error {
	h.mu.Lock()
	h.orders++
	number := h.orders
	h.told(want, to.term) // in the order of the orders
	h.done.settled = false
	if to.held == none && h.done.held == all {
		h.done.held = some
		h.ceased = min(h.cluster.Now(), time.Duration(h.until.Load()))
	}
	h.mu.Unlock()
	h.ordering.Add(1)
	err := h.vips.Set(want)
	h.ordering.Add(-1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if number == h.orders && (err == nil || to.held == all && !outOfDate(err)) {
		to.settled = true
		if h.done.held != to.held {
			offer(h.moved, struct{}{})
			happened := change{held: to.held, term: max(to.term, h.done.term)}
			if to.held == none { // of a taking it would be why nothing was held before
				happened.why = h.why
			}
			h.record(happened)
			h.why = ""
		}
		if to.held == all {
			h.ceased = 0
		}
		h.done = to
	}
	return err
}

// outOfDate tells whether a Set ended because what was decided no longer held, and
// not because of the kernel.
func outOfDate(err error) bool {
	return errors.Is(err, vip.ErrSuperseded) || errors.Is(err, vip.ErrNotAllowed) || errors.Is(err, vip.ErrNotConfigured)
}

// release gives up the VIPs from any goroutine, and cuts a taking under way
// short. The caller has seen to it that ownership is gone: so what overtakes it
// adds nothing, and gives way. The fence comes first: behind it nothing is answered,
// whether or not the addresses can be removed.
func (h *holder) release() error {
	shut := h.fence.Shut()
	err := h.order(nil, setting{})
	for errors.Is(err, vip.ErrSuperseded) {
		err = h.order(nil, setting{})
	}
	dark := h.fence.Strict() && shut == nil && h.fence.Trouble() == nil
	switch {
	case err == nil && shut != nil:
		h.log.Warn("the addresses are gone, but the fence is not shut", "error", shut)
	case err != nil && dark:
		if h.darkened.Swap(true) {
			return nil // said already
		}
		h.log.Warn("the fence is shut, but not all addresses are gone, which is tried again", "error", err)
		return nil
	}
	h.darkened.Store(false)
	return err
}

// leave keeps the VIPs while they are held, but takes them no more.
func (h *holder) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaving = true
}

// stop releases for good.
func (h *holder) stop() error {
	h.mu.Lock()
	h.stopped, h.why = true, "perch ends"
	h.mu.Unlock()
	return h.release()
}

// offer puts v into a channel of capacity one, replacing what nobody took yet.
func offer[T any](ch chan T, v T) {
	for {
		select {
		case ch <- v:
			return
		default:
		}
		select {
		case <-ch:
		default:
		}
	}
}

// wake has ownership evaluated anew.
func (h *holder) wake() { offer(h.poke, struct{}{}) }

// progress is the beat of the loop. While thousands of addresses are set it is that of the
// VIP manager which counts.
func (h *holder) progress() uint64 {
	if h.ordering.Load() > 0 {
		return 0
	}
	return h.pace.beat()
}
