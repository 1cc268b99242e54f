package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
)

// fakeFence is a fence without a kernel.
type fakeFence struct {
	mu        sync.Mutex
	epoch     uint64
	until     time.Duration
	protected []netip.Prefix
	err       error // of Open, Shut and Protect
	trouble   error
	weak      bool // not in the kernel
	refuse    int  // Protect refuses a set of this size, unless 0
}

func (f *fakeFence) Epoch() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

func (f *fakeFence) Open(epoch uint64, until time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case epoch != f.epoch:
		return fence.ErrStale
	case f.err != nil:
		return f.err
	}
	f.until = until
	return nil
}

func (f *fakeFence) Shut() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
	if f.err == nil {
		f.until = 0
	}
	return f.err
}

func (f *fakeFence) Protect(vips []netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != 0 && len(vips) == f.refuse {
		return errors.New("the kernel refuses")
	}
	if f.err == nil {
		f.protected = vips
	}
	return f.err
}

func (f *fakeFence) Trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble
}

func (f *fakeFence) Strict() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.weak
}

func (f *fakeFence) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
}

func (f *fakeFence) opened() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.until
}

func TestFenceFollowsTheLease(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, 80*time.Millisecond)
		synctest.Wait()
		if got := r.fence.opened(); got != 80*time.Millisecond {
			t.Errorf("open until %s, want the lease's end", got)
		}
		time.Sleep(30 * time.Millisecond)
		r.cluster.mu.Lock()
		r.cluster.own.Until += 30 * time.Millisecond
		r.cluster.mu.Unlock()
		offer(r.cluster.extended, struct{}{})
		synctest.Wait()
		if got := r.fence.opened(); got != 110*time.Millisecond {
			t.Errorf("open until %s, want the longer lease's end", got)
		}
	})
}

// The fence is held open while thousands of addresses are added.
func TestFenceFollowsTheLeaseDuringATaking(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, 80*time.Millisecond)
		synctest.Wait()
		r.cluster.mu.Lock()
		r.cluster.own.Until = time.Second
		r.cluster.mu.Unlock()
		offer(r.cluster.extended, struct{}{})
		synctest.Wait()
		if got := r.fence.opened(); got != time.Second {
			t.Errorf("open until %s while addresses are added, want the lease's end", got)
		}
		close(gate)
	})
}

// The moment that matters: ownership was evaluated and is lost before the fence is
// opened. Once release has returned it stays shut.
func TestReleaseBeatsAnOpeningThatEvaluatedBefore(t *testing.T) {
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
		synctest.Wait()
		if got := r.fence.opened(); got != 0 {
			t.Errorf("open until %s after the release", got)
		}
	})
}

func TestFenceIsShutWhenANodeMayNotOwn(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		r.stands(situation{drained: true})
		r.cluster.give(2, time.Minute)
		expect(t, r, 0, "drained")
		if got := r.fence.opened(); got != 0 {
			t.Errorf("open until %s on a drained node", got)
		}
	})
}

// A fence that cannot be opened is a reason to let another node own.
func TestNodeThatCannotOpenItsFenceHandsOver(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.fence.change(func() { r.fence.err = errors.New("the kernel refuses") })
		r.cluster.give(2, time.Minute)
		expect(t, r, 0, "behind a fence that does not open")
		if len(r.moves) == 0 {
			t.Error("no hand-over was asked for")
		}
	})
}

// Behind a shut fence nothing is answered, whatever becomes of the addresses.
func TestReleaseIsDoneOnceTheFenceIsShut(t *testing.T) {
	tests := []struct {
		name  string
		fence func(*fakeFence)
		fails bool
	}{
		{"a fence in the kernel", func(*fakeFence) {}, false},
		{"none in the kernel", func(f *fakeFence) { f.weak = true }, true},
		{"one that is not shut", func(f *fakeFence) { f.err = errors.New("the kernel refuses") }, true},
		{"one that others have opened", func(f *fakeFence) { f.trouble = errors.New("a filter in front") }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			holding(t, func(t *testing.T, r *rig) {
				r.cluster.give(2, 80*time.Millisecond)
				expect(t, r, 2, "with a lease")
				r.fence.change(func() { tt.fence(r.fence) })
				r.kernel.change(func() { r.kernel.err = errors.New("the kernel refuses one") })
				if err := r.release(); (err != nil) != tt.fails {
					t.Errorf("release: %v", err)
				}
				if !r.holder.holding() {
					t.Error("addresses that were not removed count as gone")
				}
				r.kernel.change(func() { r.kernel.err = nil })
				time.Sleep(80*time.Millisecond + 2*idle)
				expect(t, r, 0, "once the kernel is well again")
			})
		})
	}
}

// A fence that others have opened costs the VIPs, until it is mended.
func TestVIPsFollowTheFence(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		for range 2 {
			r.fence.change(func() { r.fence.trouble = errors.New("a filter in front") })
			r.stands(situation{unfenced: true})
			r.holder.wake()
			expect(t, r, 0, "while the fence does not hold")
			r.fence.change(func() { r.fence.trouble = nil })
			r.stands(situation{})
			r.holder.wake()
			expect(t, r, 2, "once it holds again")
		}
	})
}

// A VIP is fenced before its address can come and until it has gone.
func TestReloadFencesFirst(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.kernel.change(func() { r.kernel.trouble = errors.New("one did not go") })
		if err := r.configure(testVIPs[:1]); err == nil {
			t.Fatal("the trouble is not told")
		}
		if len(r.fence.protected) != 2 {
			t.Errorf("fenced: %v, want also the one that did not go", r.fence.protected)
		}
		r.kernel.change(func() { r.kernel.trouble = nil })
		if err := r.configure(testVIPs[:1]); err != nil || len(r.fence.protected) != 1 {
			t.Errorf("fenced: %v (%v), want the one VIP", r.fence.protected, err)
		}
		r.fence.change(func() { r.fence.err = errors.New("the kernel refuses") })
		if err := r.configure(testVIPs); !unchanged(err) {
			t.Errorf("configure without a fence: %v, want that nothing changed", err)
		}
		if len(r.kernel.configured) != 1 {
			t.Error("a VIP that is not fenced is in force")
		}
	})
}

func TestPrefixesAreHosts(t *testing.T) {
	got := prefixes(testVIPs, []vip.VIP{{Address: netip.MustParsePrefix("198.18.0.100/32"), Interface: "eth1"}})
	want := []netip.Prefix{netip.MustParsePrefix("198.18.0.100/32"), netip.MustParsePrefix("2001:db8::100/128")}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, want %v", got, want)
	}
}

// A fence that cannot be narrowed fences too much, and that is all.
func TestFenceThatCannotBeNarrowedChangesNothing(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.kernel.change(func() {
			r.kernel.configured = nil
		})
		r.fence.change(func() { r.fence.refuse = len(testVIPs) - 1 })
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		r.cluster.give(2, time.Minute)
		expect(t, r, 1, "after a reload whose fence stays wide")
		if len(r.fence.protected) != 2 {
			t.Errorf("fenced: %v", r.fence.protected)
		}
	})
}

// A cluster of one node extends its lease by itself, and nobody tells of it.
func TestFenceStaysOpenWithoutWord(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		stop := make(chan struct{})
		go func() { // each look finds a lease of 80 ms from now
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				r.cluster.mu.Lock()
				r.cluster.own = cluster.Ownership{Term: 2, Until: r.cluster.Now() + 80*time.Millisecond}
				r.cluster.mu.Unlock()
			}
		}()
		time.Sleep(2 * time.Millisecond)
		offer(r.cluster.changed, struct{}{})
		synctest.Wait()
		for range 1000 {
			time.Sleep(time.Millisecond)
			if left := r.fence.opened() - r.cluster.Now(); left < 10*time.Millisecond {
				t.Fatalf("open for only %s more", left)
			}
		}
		close(stop)
		synctest.Wait()
	})
}

// A VIP that is refused is not left behind the fence: it may be the host's own address.
func TestRefusedVIPIsNotFenced(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		refused := append(slices.Clone(testVIPs), vip.VIP{Address: netip.MustParsePrefix("198.19.0.0/20"), Interface: "eth0", Kind: vip.Range})
		r.kernel.change(func() { r.kernel.trouble = vip.ErrInvalid })
		if err := r.configure(refused); !unchanged(err) {
			t.Fatalf("configured: %v", err)
		}
		if len(r.fence.protected) != len(testVIPs) {
			t.Errorf("fenced: %v, want what was before", r.fence.protected)
		}
	})
}

func TestPrefixesOfRanges(t *testing.T) {
	got := prefixes([]vip.VIP{{Address: netip.MustParsePrefix("198.19.0.0/20"), Interface: "eth0", Kind: vip.Range}})
	if len(got) != 1 || got[0] != netip.MustParsePrefix("198.19.0.0/20") {
		t.Errorf("%v, want the range as it is", got)
	}
}
