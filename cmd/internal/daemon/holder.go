package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/vip"
)

// idle is how long the holder sleeps at most; its beat feeds the watchdog.
const idle = 500 * time.Millisecond

// addresses is what the holder needs of package vip.
type addresses interface {
	Configure([]vip.VIP) error
	Set([]vip.VIP) error
}

// ownership is what the holder needs of package cluster.
type ownership interface {
	Ownership() cluster.Ownership
	Now() time.Duration
	Changed() <-chan struct{}
}

// holder keeps the VIPs in step with ownership.
type holder struct {
	cluster ownership
	vips    addresses
	may     func() standing // but for leads
	log     *slog.Logger
	claims  chan uint64   // terms in which the VIPs were taken, for the scribe; newest wins
	moves   chan struct{} // for the mover
	beat    atomic.Int64  // when the loop last ran, Unix milliseconds

	mu         sync.Mutex // held from the evaluation of ownership to the end of what follows from it
	configured []vip.VIP
	stopped    bool
	holding    atomic.Bool
	term       uint64 // of the last taking
}

func newHolder(c ownership, vips addresses, may func() standing, log *slog.Logger) *holder {
	return &holder{
		cluster: c,
		vips:    vips,
		may:     may,
		log:     log,
		claims:  make(chan uint64, 1),
		moves:   make(chan struct{}, 1),
	}
}

// run follows ownership until ctx ends.
func (h *holder) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.cluster.Changed():
		case <-timer.C:
		}
		timer.Reset(h.step())
		h.beat.Store(time.Now().UnixMilli())
	}
}

// step evaluates ownership, does what follows, and returns after which time it
// must be evaluated again at the latest.
func (h *holder) step() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := h.cluster.Ownership()
	now := h.cluster.Now()
	s := h.may()
	s.leads = own.Leads(now) && !h.stopped
	switch decide(s) {
	case hold:
		h.take(own.Term)
	case handOver:
		h.give("this node may not own")
		offer(h.moves, struct{}{})
	case standby:
		h.give("this node does not lead, or its lease ended")
	}
	if s.leads {
		return min(max(own.Until-h.cluster.Now(), 0), idle)
	}
	return idle
}

// take sets all configured VIPs. The caller holds mu.
func (h *holder) take(term uint64) {
	if h.holding.Load() && term == h.term {
		return
	}
	err := h.vips.Set(h.configured)
	if errors.Is(err, vip.ErrSuperseded) {
		return // by release, which waits for mu
	}
	if err != nil { // the VIP manager tries again by itself
		h.log.Error("taking the VIPs", "error", err)
	}
	h.holding.Store(true)
	h.term = term
	h.log.Info("this node owns the VIPs", "term", term)
	offer(h.claims, term)
}

// give releases all VIPs. The caller holds mu. When it fails it is tried again
// at the next step.
func (h *holder) give(why string) {
	if !h.holding.Load() {
		return
	}
	if err := h.vips.Set(nil); err != nil && !errors.Is(err, vip.ErrSuperseded) {
		h.log.Error("releasing the VIPs", "error", err)
		return
	}
	h.holding.Store(false)
	h.log.Info("this node released the VIPs", "why", why)
}

// release gives up the VIPs from any goroutine; a taking under way is cut
// short. The caller has seen to it that ownership is not given again.
func (h *holder) release() error {
	if err := h.vips.Set(nil); err != nil && !errors.Is(err, vip.ErrSuperseded) {
		return err
	}
	// A step may have evaluated ownership before it was lost and not have begun
	// to set the addresses yet: wait for it, and release once more.
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.vips.Set(nil); err != nil {
		return err
	}
	if h.holding.Swap(false) {
		h.log.Info("this node released the VIPs", "why", "hand-over")
	}
	return nil
}

// stop releases for good.
func (h *holder) stop() error {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	return h.release()
}

// configure replaces the VIPs that this node holds when it owns.
func (h *holder) configure(vips []vip.VIP) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.vips.Configure(vips); err != nil {
		return err
	}
	h.configured = vips
	if !h.holding.Load() {
		return nil
	}
	return h.vips.Set(vips)
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

// alive tells whether the loop still turns.
func (h *holder) alive() bool {
	return time.Since(time.UnixMilli(h.beat.Load())) < 4*idle
}
