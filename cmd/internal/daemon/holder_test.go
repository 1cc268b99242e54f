package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/vip"
)

// fakeCluster is a cluster whose ownership the test sets.
type fakeCluster struct {
	start    time.Time
	changed  chan struct{}
	extended chan struct{}

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

func (c *fakeCluster) Now() time.Duration        { return time.Since(c.start) }
func (c *fakeCluster) Changed() <-chan struct{}  { return c.changed }
func (c *fakeCluster) Extended() <-chan struct{} { return c.extended }

func (c *fakeCluster) Outage(term uint64, held time.Duration) state.Outage {
	if held == 0 {
		return state.Outage{For: time.Duration(term) * time.Second, Known: state.AtMost}
	}
	return state.Outage{For: c.Now() - held, Known: state.About}
}

func (c *fakeCluster) give(term uint64, lease time.Duration) {
	c.mu.Lock()
	c.own = cluster.Ownership{Term: term, Until: c.Now() + lease}
	if lease == 0 {
		c.own = cluster.Ownership{}
	}
	c.mu.Unlock()
	offer(c.changed, struct{}{})
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{start: time.Now(), changed: make(chan struct{}, 1), extended: make(chan struct{}, 1)}
}

// fakeKernel is a VIP manager without a kernel. A Set of something waits at gate
// if there is one, as one of thousands of addresses takes its time; it stops when
// another Set overtakes it, and asks before it adds, like the real one.
type fakeKernel struct {
	allowed func() bool

	mu         sync.Mutex
	configured []vip.VIP
	held       []vip.VIP
	want       []vip.VIP
	sets       int
	gate       chan struct{}
	err        error // of Set
	ledger     error // of Configure
	trouble    error // of Configure, which takes effect all the same
	configure  chan struct{}
	status     []vip.Status
}

func (k *fakeKernel) Status() []vip.Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

func (k *fakeKernel) Configure(vips []vip.VIP) error {
	k.mu.Lock()
	wait := k.configure
	k.mu.Unlock()
	if wait != nil {
		<-wait // the disk is slow
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ledger != nil {
		return k.ledger
	}
	gone := func(v vip.VIP) bool { return !slices.Contains(vips, v) }
	k.configured = vips
	k.held = slices.DeleteFunc(slices.Clone(k.held), gone)
	return k.trouble
}

func (k *fakeKernel) Set(want []vip.VIP) error {
	k.mu.Lock()
	for _, v := range want {
		if !slices.Contains(k.configured, v) {
			k.mu.Unlock()
			return vip.ErrNotConfigured
		}
	}
	k.want = want
	k.sets++
	gate := k.gate
	k.mu.Unlock()
	if gate != nil && len(want) > 0 {
		<-gate
	}
	may := len(want) == 0 || k.allowed()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !slices.Equal(want, k.want):
		return vip.ErrSuperseded
	case k.err != nil:
		return k.err
	case !may:
		return vip.ErrNotAllowed
	}
	k.held = want
	return nil
}

// change alters the fake while nobody looks.
func (k *fakeKernel) change(how func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	how()
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
	fence   *fakeFence
	may     situation
	logged  *strings.Builder
}

func (r *rig) situation() situation {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	return r.may
}

// stands changes what speaks against the node as an owner.
func (r *rig) stands(s situation) {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	r.may = s
}

// said counts the log's lines with text in them.
func (r *rig) said(text string) int { return strings.Count(r.logged.String(), text) }

// holding runs test with a holder that follows a fake cluster, in virtual time.
func holding(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			cluster: newFakeCluster(),
			kernel:  &fakeKernel{},
			fence:   &fakeFence{},
			logged:  &strings.Builder{},
		}
		r.holder = newHolder(r.cluster, r.fence, r.situation, newLog(r.logged, "text", nil))
		r.holder.vips, r.kernel.allowed = r.kernel, r.holder.allowed
		if err := r.configure(testVIPs); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.run(ctx) })
		running.Go(func() { r.follow(ctx) })
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
	if r.holder.holding() != (want > 0) {
		t.Errorf("%s: holding = %t", when, r.holder.holding())
	}
}

func TestHolderFollowsTheLease(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		expect(t, r, 0, "at start")
		r.cluster.give(2, 80*time.Millisecond)
		expect(t, r, 2, "with a lease")
		want := claim{2, state.Outage{For: 2 * time.Second, Known: state.AtMost}}
		if c := <-r.claims; c != want {
			t.Errorf("claimed %+v, want %+v", c, want)
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
		want := claim{2, state.Outage{For: 2 * time.Second, Known: state.AtMost}}
		if c := <-r.claims; c != want {
			t.Errorf("claimed %+v, want %+v", c, want)
		}
	})
}

func TestWitnessAndDrainedNodesHandOver(t *testing.T) {
	for name, may := range map[string]situation{"witness": {witness: true}, "drained": {drained: true}} {
		t.Run(name, func(t *testing.T) {
			holding(t, func(t *testing.T, r *rig) {
				r.stands(may)
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

// A leader that is to hold nothing releases, stays the leader, and says each time that
// something else was decided.
func TestDarkNodeReleasesAndLeads(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		turned := func(when string) {
			t.Helper()
			select {
			case <-r.turned:
			default:
				t.Errorf("%s: nobody was told", when)
			}
		}
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		turned("with a lease")
		r.stands(situation{dark: true})
		r.wake()
		expect(t, r, 0, "in the dark")
		turned("in the dark")
		select {
		case <-r.moves:
			t.Error("a hand-over was asked for")
		default:
		}
		r.stands(situation{})
		r.wake()
		expect(t, r, 2, "in the light")
		turned("in the light")
	})
}

// The moment that matters: ownership was evaluated and is lost before the
// addresses are set. Once release has returned none may appear.
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
		if err := r.release(); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		expect(t, r, 0, "after the release")
	})
}

func TestReleaseCutsATakingShort(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, time.Minute)
		synctest.Wait() // in Set, thousands of addresses to go
		r.cluster.mu.Lock()
		r.cluster.own = cluster.Ownership{}
		r.cluster.mu.Unlock()
		if err := r.release(); err != nil { // does not wait for the gate
			t.Fatal(err)
		}
		close(gate)
		expect(t, r, 0, "afterwards")
	})
}

// A taking that lasts longer than the lease adds nothing after its end.
func TestTakingEndsWithTheLease(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, 80*time.Millisecond)
		time.Sleep(time.Second)
		close(gate)
		expect(t, r, 0, "after a taking that was too slow")
	})
}

// A node that is about to stop keeps what it holds, and takes nothing back.
func TestLeavingNodeTakesNothingBack(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		r.leave()
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "leaving")
		r.cluster.give(0, 0)
		expect(t, r, 0, "released for the hand-over")
		r.cluster.give(2, time.Minute)
		expect(t, r, 0, "the hand-over was given up")
	})
}

// What a release that failed has left is not a reason to take the rest back.
func TestLeavingNodeTakesNothingBackAfterAReleaseThatFailed(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.fence.change(func() { r.fence.weak = true })
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		r.leave()
		r.kernel.change(func() { r.kernel.err = errors.New("the kernel refuses one") })
		if err := r.release(); err == nil {
			t.Fatal("release did not fail")
		}
		r.kernel.change(func() { r.kernel.err, r.kernel.held = nil, testVIPs[:1] })
		r.cluster.give(2, time.Minute)
		expect(t, r, 0, "the hand-over did not happen")
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
		r.fence.change(func() { r.fence.weak = true })
		r.cluster.give(2, 100*time.Millisecond)
		expect(t, r, 2, "with a lease")
		broken := errors.New("the kernel refuses")
		r.kernel.change(func() { r.kernel.err = broken })
		if err := r.release(); !errors.Is(err, broken) {
			t.Errorf("release: %v, want the kernel's error", err)
		}
		r.kernel.change(func() { r.kernel.err = nil })
		time.Sleep(100*time.Millisecond + idle)
		expect(t, r, 0, "once the kernel is well again")
	})
}

// After a release that worked in part an owner must set all VIPs again.
func TestOwnerSetsAllAgainAfterAReleaseThatFailed(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.fence.change(func() { r.fence.weak = true })
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		r.kernel.change(func() { r.kernel.err = errors.New("the kernel refuses one") })
		if err := r.release(); err == nil {
			t.Fatal("release did not fail")
		}
		r.kernel.change(func() { r.kernel.err, r.kernel.held = nil, testVIPs[:1] })
		<-r.claims
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "still owner")
		if len(r.claims) == 0 {
			t.Error("what was released and taken back is not claimed")
		}
	})
}

func TestBeatNeedsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster()
		h := newHolder(c, &fakeFence{}, func() situation { return situation{} }, slog.New(slog.DiscardHandler))
		h.vips = &fakeKernel{}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { h.run(ctx) })
		time.Sleep(time.Minute)
		before := h.progress()
		time.Sleep(silenceLimit / 2)
		if before%2 == 0 || h.progress() == before {
			t.Errorf("a loop with nothing to do beats %d and then %d", before, h.progress())
		}
		cancel()
		running.Wait()
		if h.progress()%2 != 0 {
			t.Error("a loop that has ended does not rest")
		}
	})
}

// Thousands of addresses take their time, in which the VIP manager is watched.
func TestHolderRestsWhileAddressesAreSet(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, time.Hour)
		time.Sleep(time.Minute)
		if r.progress()%2 != 0 {
			t.Error("a holder that sets addresses counts as silent")
		}
		close(gate)
	})
}

// What comes and goes is recorded once, with the reason where it is known.
func TestHolderRecordsWhatIsHeld(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		var changes []change
		r.record = func(c change) { changes = append(changes, c) }
		expect(t, r, 0, "at start")
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a longer one")
		r.cluster.give(0, 0)
		expect(t, r, 0, "without")
		r.cluster.give(3, time.Minute)
		expect(t, r, 2, "in another term")
		if err := r.release(); err != nil { // as before a hand-over
			t.Error(err)
		}
		r.cluster.give(3, time.Minute)
		expect(t, r, 2, "once more")
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		want := []change{
			{all, 2, ""},
			{none, 2, "this node does not lead, or its lease ended"},
			{all, 3, ""},
			{none, 3, ""},
			{all, 3, ""},
			{none, 3, "perch ends"},
		}
		if !slices.Equal(changes, want) {
			t.Errorf("%+v, want\n%+v", changes, want)
		}
	})
}

// A node that takes the VIPs back tells since when it has not held them: since its lease
// ended, even if it learnt of that late, or since it released them before.
func TestHolderKnowsForHowLongItDidNotHold(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		claimed := func(what string, term uint64, after time.Duration) {
			t.Helper()
			want := claim{term, state.Outage{For: after, Known: state.About}}
			if after == 0 {
				want.outage = r.cluster.Outage(term, 0)
			}
			if got := <-r.claims; got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		claimed("at first", 2, 0)
		time.Sleep(90 * time.Second) // 30 s without a lease
		r.cluster.give(3, time.Hour)
		expect(t, r, 2, "in another term")
		claimed("without a majority meanwhile", 3, 30*time.Second)
		if err := r.release(); err != nil {
			t.Error(err)
		}
		r.cluster.give(0, 0)
		time.Sleep(5 * time.Second)
		r.cluster.give(4, time.Hour)
		expect(t, r, 2, "once more")
		claimed("released meanwhile", 4, 5*time.Second)
		r.until.Store(int64(r.cluster.Now() - 3*time.Second)) // this node was frozen
		if err := r.release(); err != nil {
			t.Error(err)
		}
		r.cluster.give(4, time.Hour)
		expect(t, r, 2, "after it was frozen")
		claimed("frozen meanwhile", 4, 3*time.Second)
		r.cluster.give(5, time.Hour)
		claimed("held all the time", 5, 0)
	})
}
