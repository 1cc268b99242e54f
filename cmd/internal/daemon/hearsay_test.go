package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// gossip records who was told what, and when.
type gossip struct {
	mu    sync.Mutex
	begin time.Time
	peers []string
	state string
	deaf  string // does not answer
	heard map[string][]time.Duration
	said  map[string]string // the last
}

func (g *gossip) tell(ctx context.Context, node string, r api.HealthReport) error {
	g.mu.Lock()
	deaf := node == g.deaf
	g.mu.Unlock()
	if deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard[node] = append(g.heard[node], time.Since(g.begin))
	g.said[node] = r.Health.State
	return nil
}

func (g *gossip) teller() *teller {
	locked := func(f func()) { g.mu.Lock(); defer g.mu.Unlock(); f() }
	return &teller{
		peers: func() (peers []string) { locked(func() { peers = slices.Clone(g.peers) }); return peers },
		health: func() (r api.HealthReport) {
			locked(func() { r = api.HealthReport{Node: "lb1", Health: api.Health{State: g.state}} })
			return r
		},
		tell:  g.tell,
		log:   slog.New(slog.DiscardHandler),
		pokes: map[string]chan struct{}{},
	}
}

// All are told at the begin, at each change and every two seconds, also while one of
// them is deaf.
func TestTellerTellsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gossip{begin: time.Now(), peers: []string{"lb2", "lb3"}, deaf: "lb3", state: "healthy", heard: map[string][]time.Duration{}, said: map[string]string{}}
		teller := g.teller()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = teller.run(ctx) }()
		time.Sleep(2500 * time.Millisecond)
		g.mu.Lock()
		g.state = "sick"
		g.mu.Unlock()
		teller.wake()
		time.Sleep(time.Second)
		want := []time.Duration{0, 2 * time.Second, 2500 * time.Millisecond}
		g.mu.Lock()
		if !slices.Equal(g.heard["lb2"], want) || g.said["lb2"] != "sick" {
			t.Errorf("lb2 was told at %v, of %s", g.heard["lb2"], g.said["lb2"])
		}
		g.peers, g.deaf = []string{"lb3", "lb4"}, ""
		g.mu.Unlock()
		time.Sleep(10 * time.Second)
		g.mu.Lock()
		if n := len(g.heard["lb2"]); n > 5 {
			t.Errorf("lb2 was told %d times, and is no peer any more", n)
		}
		if len(g.heard["lb3"]) < 4 || len(g.heard["lb4"]) < 4 {
			t.Errorf("lb3 was told %d times, lb4 %d times", len(g.heard["lb3"]), len(g.heard["lb4"]))
		}
		g.mu.Unlock()
		cancel()
		synctest.Wait()
	})
}

// Thousands of checks that change what they say are told of when they change the node.
func TestTellerTellsNewsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gossip{begin: time.Now(), peers: []string{"lb2"}, state: "healthy", heard: map[string][]time.Duration{}, said: map[string]string{}}
		teller := g.teller()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = teller.run(ctx) }()
		for range 350 {
			time.Sleep(10 * time.Millisecond)
			teller.wake()
			synctest.Wait()
		}
		want := []time.Duration{0, 2 * time.Second}
		if g.mu.Lock(); !slices.Equal(g.heard["lb2"], want) {
			t.Errorf("told at %v, want %v", g.heard["lb2"], want)
		}
		g.mu.Unlock()
		cancel()
		synctest.Wait()
	})
}

// A connection that has died is no reason to wait for the next time.
func TestTellerTriesTwice(t *testing.T) {
	tries := 0
	teller := &teller{
		tell: func(context.Context, string, api.HealthReport) error {
			if tries++; tries == 1 {
				return errors.New("connection reset by peer")
			}
			return nil
		},
	}
	if err := teller.once(t.Context(), "lb2", api.HealthReport{}); err != nil || tries != 2 {
		t.Errorf("%d tries: %v", tries, err)
	}
}

func TestHearsay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHearsay()
		if _, _, known := h.of("lb2"); known {
			t.Error("lb2 has told nothing yet")
		}
		sick := api.Health{State: api.HealthSick, Priority: 90, Reasons: []string{"check web failed 3 of 3: status 503"}}
		if !h.note("lb2", sick) || h.note("lb2", sick) {
			t.Error("the first time is news, the second is not")
		}
		time.Sleep(3 * time.Second)
		if health, age, known := h.of("lb2"); !known || health.State != sick.State || age != 3*time.Second {
			t.Errorf("%+v, %s old", health, age)
		}
		sick.Priority = 80
		if !h.note("lb2", sick) {
			t.Error("another priority is news")
		}
		if health, age, _ := h.of("lb2"); health.Priority != 80 || age != 0 {
			t.Errorf("%+v, %s old, and there is news", health, age)
		}
	})
}

// A node is sick as long as it was told lately that it is; this one knows of itself.
func TestIsSick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReloadable(t)
		r.member.hearsay = newHearsay()
		r.member.hearsay.note("lb2", api.Health{State: api.HealthSick, Priority: 90})
		r.member.hearsay.note("lb3", api.Health{State: api.HealthUnknown, Priority: 90})
		for node, want := range map[string]bool{"lb2": true, "lb3": false, "lb4": false} {
			if got := r.isSick(node); got != want {
				t.Errorf("%s is sick: %v", node, got)
			}
		}
		time.Sleep(reportLife + time.Second)
		if r.isSick("lb2") {
			t.Error("lb2 has not told for long")
		}
	})
}

// A peer that starts a moment later is told soon after: it may come to lead.
func TestTellerTellsALatePeerSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, told := time.Now(), time.Duration(0)
		teller := &teller{
			health: func() api.HealthReport { return api.HealthReport{} },
			tell: func(context.Context, string, api.HealthReport) error {
				if time.Since(begin) < 100*time.Millisecond {
					return errors.New("connection refused")
				}
				told = time.Since(begin)
				return nil
			},
			log: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		teller.follow(ctx, "lb2", nil)
		if told != tellAgain {
			t.Errorf("told after %s, want %s", told, tellAgain)
		}
	})
}
