package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// At the end of perch the owner's users are told of the loss of all, once, and the kernel
// keeps its servers, as connections go on.
func TestBalancerEnds(t *testing.T) {
	t.Parallel()
	vip := netip.MustParseAddrPort("198.18.0.100:80")
	cfg := &config.Config{Services: []config.Service{{
		Name:      "web",
		Addresses: []netip.AddrPort{vip},
		Protocol:  "tcp",
		Quorum:    1,
		Omega:     true,
		Servers:   []config.RealServer{{Address: netip.MustParseAddrPort("10.0.0.11:80"), Weight: 1, Forward: "nat"}},
	}}}
	holds := true
	var told []ipvs.EventKind
	b := &balancer{
		manager:  ipvs.New(ipvs.Config{}),
		syncer:   newSyncer(slog.New(slog.DiscardHandler)),
		config:   func() *config.Config { return cfg },
		verdicts: func() map[string]verdict { return nil },
		orders:   func() state.Orders { return nil },
		held:     func() map[netip.Addr]bool { return map[netip.Addr]bool{vip.Addr(): holds} },
		tell:     func(_ *config.Service, e ipvs.Event) { told = append(told, e.Kind) },
		log:      slog.New(slog.DiscardHandler),
		pools:    map[string]*balanced{},
		begin:    time.Now(),
	}
	b.step()
	told = nil
	b.end()
	want := []ipvs.EventKind{ipvs.ServerDown, ipvs.QuorumDown}
	if len(told) != 2 || told[0] != want[0] || told[1] != want[1] {
		t.Errorf("users were told %v, want %v", told, want)
	}
	b.step()
	holds = false
	b.step()
	if len(told) != 2 {
		t.Errorf("users were told %v after the end", told[2:])
	}
	if servers := b.pools["web"].outcome.Servers; len(servers) != 1 {
		t.Errorf("after the end the kernel is to have %v", servers)
	}
}

// A program that runs when perch ends is not cut short, nor is what waits, unless all
// of that takes too long.
func TestHooksOutliveTheEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes time.Duration
		done  int
	}{
		"in time":  {10 * time.Second, 2},
		"too long": {20 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, done := newHooks(nil, slog.New(slog.DiscardHandler)), 0
				h.run = func(ctx context.Context, _ []string) error {
					select {
					case <-ctx.Done():
					case <-time.After(tt.takes):
						done++
					}
					return ctx.Err()
				}
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					time.Sleep(time.Second)
					cancel()
				}()
				for _, name := range []string{"web", "mail"} {
					h.tell(&config.Service{Name: name, QuorumDown: []string{"/down"}}, ipvs.Event{Kind: ipvs.QuorumDown})
				}
				if err := h.follow(ctx); err != nil || done != tt.done {
					t.Errorf("%d of 2 programs came to their end, want %d: %v", done, tt.done, err)
				}
			})
		})
	}
}
