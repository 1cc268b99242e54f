package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/vip"
)

// fakeCluster is a cluster whose ownership the test sets.
type fakeCluster struct {
	start   time.Time
	changed chan struct{}

	mu        sync.Mutex
	own       cluster.Ownership
	evaluated func() // called by Ownership after it has read own
}

func (c *fakeCluster) Ownership() cluster.Ownership {
	c.mu.Lock()
	own, evaluated := c.own, c.evaluated
	c.mu.Unlock()
	if evaluated != nil {
		evaluated()
	}
	return own
}

func (c *fakeCluster) Now() time.Duration       { return time.Since(c.start) }
func (c *fakeCluster) Changed() <-chan struct{} { return c.changed }

func (c *fakeCluster) give(term uint64, lease time.Duration) {
	c.mu.Lock()
	c.own = cluster.Ownership{Term: term, Until: c.Now() + lease}
	if lease == 0 {
		c.own = cluster.Ownership{}
	}
	c.mu.Unlock()
	offer(c.changed, struct{}{})
}

// fakeKernel is a VIP manager without a kernel. A Set that finds gate non-nil
// waits there and is superseded by a later Set, like the real one.
type fakeKernel struct {
	mu         sync.Mutex
	configured []vip.VIP
	held       []vip.VIP
	epoch      int
	sets       int
	gate       chan struct{}
	err        error
}

func (k *fakeKernel) Configure(vips []vip.VIP) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.configured = vips
	return nil
}

func (k *fakeKernel) Set(want []vip.VIP) error {
	k.mu.Lock()
	k.epoch++
	epoch, gate := k.epoch, k.gate
	k.sets++
	k.mu.Unlock()
	if gate != nil && len(want) > 0 {
		<-gate
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch != k.epoch {
		return vip.ErrSuperseded
	}
	if k.err != nil {
		return k.err
	}
	k.held = want
	return nil
}

func (k *fakeKernel) holds() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.held)
}

var testVIPs = []vip.VIP{
	{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"},
	{Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "eth0"},
}

type rig struct {
	*holder
	cluster *fakeCluster
	kernel  *fakeKernel
	may     standing
}

// holding runs test with a holder that follows a fake cluster, in virtual time.
func holding(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			cluster: &fakeCluster{start: time.Now(), changed: make(chan struct{}, 1)},
			kernel:  &fakeKernel{},
		}
		r.holder = newHolder(r.cluster, r.kernel, func() standing { return r.may }, slog.New(slog.DiscardHandler))
		if err := r.configure(testVIPs); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.run(ctx) })
		test(t, r)
		cancel()
		running.Wait()
	})
}

func expect(t *testing.T, r *rig, want int, when string) {
	t.Helper()
	synctest.Wait()
	if got := r.kernel.holds(); got != want {
		t.Errorf("%s: %d VIPs held, want %d", when, got, want)
	}
	if r.holder.holding.Load() != (want > 0) {
		t.Errorf("%s: holding = %t", when, r.holder.holding.Load())
	}
}

func TestHolderFollowsTheLease(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		expect(t, r, 0, "at start")
		r.cluster.give(2, 80*time.Millisecond)
		expect(t, r, 2, "with a lease")
		if term := <-r.claims; term != 2 {
			t.Errorf("claimed term %d, want 2", term)
		}
		time.Sleep(50 * time.Millisecond)
		r.cluster.give(2, 80*time.Millisecond)
		time.Sleep(79 * time.Millisecond)
		expect(t, r, 2, "just before the end of the renewed lease")
		time.Sleep(time.Millisecond)
		expect(t, r, 0, "at the end of the lease, with no signal from anybody")
	})
}

func TestHolderTakesBackAndClaimsAgain(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		<-r.claims
		sets := r.kernel.sets
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "renewed")
		if r.kernel.sets != sets {
			t.Error("a renewal set the addresses again")
		}
		r.cluster.give(0, 0)
		expect(t, r, 0, "after losing it")
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "after regaining it")
		if term := <-r.claims; term != 2 {
			t.Errorf("claimed term %d, want 2", term)
		}
	})
}

func TestWitnessAndDrainedNodesHandOver(t *testing.T) {
	for name, may := range map[string]standing{"witness": {witness: true}, "drained": {drained: true}} {
		t.Run(name, func(t *testing.T) {
			holding(t, func(t *testing.T, r *rig) {
				r.may = may
				r.cluster.give(2, time.Minute)
				expect(t, r, 0, "leading")
				select {
				case <-r.moves:
				default:
					t.Error("no hand-over was asked for")
				}
			})
		})
	}
}

// The moment that matters: ownership was evaluated and is lost before the
// addresses are set. Release must not return while they can still appear.
func TestReleaseBeatsATakingThatEvaluatedBefore(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		evaluated, goOn := make(chan struct{}), make(chan struct{})
		r.cluster.mu.Lock()
		r.cluster.evaluated = sync.OnceFunc(func() { close(evaluated); <-goOn })
		r.cluster.mu.Unlock()
		r.cluster.give(2, time.Minute)
		<-evaluated
		r.cluster.mu.Lock()
		r.cluster.own = cluster.Ownership{}
		r.cluster.mu.Unlock()
		released := make(chan error, 1)
		go func() { released <- r.release() }()
		time.Sleep(time.Second)
		close(goOn)
		if err := <-released; err != nil {
			t.Fatal(err)
		}
		if held := r.kernel.holds(); held != 0 {
			t.Errorf("%d VIPs held when release returned", held)
		}
		expect(t, r, 0, "afterwards")
	})
}

func TestReleaseCutsATakingShort(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.kernel.mu.Lock()
		r.kernel.gate = make(chan struct{})
		r.kernel.mu.Unlock()
		r.cluster.give(2, time.Minute)
		synctest.Wait() // in Set, thousands of addresses to go
		r.cluster.mu.Lock()
		r.cluster.own = cluster.Ownership{}
		r.cluster.mu.Unlock()
		released := make(chan error, 1)
		go func() { released <- r.release() }()
		synctest.Wait()
		if r.kernel.epoch != 2 {
			t.Fatal("release waited for the taking instead of overtaking it")
		}
		close(r.kernel.gate)
		if err := <-released; err != nil {
			t.Fatal(err)
		}
		expect(t, r, 0, "afterwards")
	})
}

func TestStopIsForGood(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 0, "stopped")
		r.cluster.give(3, time.Minute)
		expect(t, r, 0, "stopped, with a new lease")
	})
}

func TestReleaseThatFailsIsReportedAndTriedAgain(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, 100*time.Millisecond)
		expect(t, r, 2, "with a lease")
		broken := errors.New("the kernel refuses")
		r.kernel.mu.Lock()
		r.kernel.err = broken
		r.kernel.mu.Unlock()
		if err := r.release(); !errors.Is(err, broken) {
			t.Errorf("release: %v, want the kernel's error", err)
		}
		r.kernel.mu.Lock()
		r.kernel.err = nil
		r.kernel.mu.Unlock()
		time.Sleep(100*time.Millisecond + idle)
		expect(t, r, 0, "once the kernel is well again")
	})
}

func TestConfigureWhileHolding(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 1, "with one VIP less")
		full := errors.New("no space left on device")
		r.kernel.mu.Lock()
		r.kernel.err = full
		r.kernel.mu.Unlock()
		if err := r.configure(testVIPs); !errors.Is(err, full) {
			t.Errorf("configure: %v, want the ledger's error", err)
		}
		if !slices.Equal(r.configured, testVIPs[:1]) {
			t.Error("a refused reload replaced the VIPs")
		}
	})
}

func TestAliveNeedsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{start: time.Now(), changed: make(chan struct{}, 1)}
		h := newHolder(c, &fakeKernel{}, func() standing { return standing{} }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.run(ctx) })
		time.Sleep(time.Minute)
		if !h.alive() {
			t.Error("a loop with nothing to do counts as dead")
		}
		cancel()
		running.Wait()
		time.Sleep(time.Minute)
		if h.alive() {
			t.Error("a loop that has ended counts as alive")
		}
	})
}
