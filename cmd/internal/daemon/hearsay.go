package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Of what nodes tell each other of their health; see reportLife.
const (
	tellEvery = 2 * time.Second // while nothing changes
	tellAgain = tellEvery / 8   // one that could not be told, as it has just started
	tellLimit = time.Second     // for one node
)

// hearsay is what the other nodes have told of their health.
type hearsay struct {
	mu   sync.Mutex
	told map[string]tidings // by node
}

// tidings are what one node has told, and when.
type tidings struct {
	health api.Health
	at     time.Time
}

func newHearsay() *hearsay { return &hearsay{told: map[string]tidings{}} }

// note takes over what a node tells, and returns whether it is anything new.
func (h *hearsay) note(node string, health api.Health) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, known := h.told[node]
	h.told[node] = tidings{health, time.Now()}
	return !known || differ(was.health, health)
}

// differ tells whether it is news that a health is another one. Why it is so is none.
func differ(a, b api.Health) bool { return a.State != b.State || a.Priority != b.Priority }

// of returns what a node has told, if it has, and how long ago that was.
func (h *hearsay) of(node string) (health api.Health, age time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, known := h.told[node]
	return t.health, time.Since(t.at), known
}

// teller tells the other nodes how this one is, each by itself, so that one that does not
// answer keeps no other waiting. Whoever leads next knows already.
type teller struct {
	peers  func() []string
	health func() api.HealthReport
	tell   func(ctx context.Context, node string, r api.HealthReport) error
	log    *slog.Logger

	mu    sync.Mutex
	pokes map[string]chan struct{} // by node
}

// wake has all be told at once.
func (t *teller) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, poke := range t.pokes {
		offer(poke, struct{}{})
	}
}

// run tells whoever is a peer, until ctx ends.
func (t *teller) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	ends := map[string]context.CancelFunc{}
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	for ctx.Err() == nil {
		peers := map[string]bool{}
		for _, node := range t.peers() {
			peers[node] = true
			if ends[node] == nil {
				each, end := context.WithCancel(ctx)
				ends[node] = end
				poke := t.add(node)
				running.Go(func() { t.follow(each, node, poke) })
			}
		}
		for node, end := range ends {
			if !peers[node] {
				end()
				delete(ends, node)
				t.drop(node)
			}
		}
		pause(ctx, tellEvery)
	}
	return nil
}

func (t *teller) add(node string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	poke := make(chan struct{}, 1)
	t.pokes[node] = poke
	return poke
}

func (t *teller) drop(node string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pokes, node)
}

// follow tells one node at each change, and now and then.
func (t *teller) follow(ctx context.Context, node string, poke <-chan struct{}) {
	for ctx.Err() == nil {
		report, next := t.health(), tellEvery
		if err := t.once(ctx, node, report); err != nil && ctx.Err() == nil {
			t.log.Debug("telling a node of this one's health", "node", node, "error", err)
			next = tellAgain
		}
		t.await(ctx, poke, report.Health, next)
	}
}

// await waits until there is news since what was told, or it is to be told again.
func (t *teller) await(ctx context.Context, poke <-chan struct{}, told api.Health, next time.Duration) {
	timer := time.NewTimer(next)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-poke:
			if differ(told, t.health().Health) {
				return
			}
		}
	}
}

// once tells a node. A connection that was kept may have died meanwhile: it is tried
// twice.
func (t *teller) once(ctx context.Context, node string, r api.HealthReport) error {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	if t.tell(ctx, node, r) == nil {
		return nil
	}
	return t.tell(ctx, node, r)
}
