package daemon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
)

// anycastRig is an anycast with a fake kernel and speaker.
type anycastRig struct {
	*anycast
	kernel  *fakeKernel
	speaker *fakeSpeaker
	mu      sync.Mutex
	health  health
	off     bool
}

func (r *anycastRig) is(h health) {
	r.mu.Lock()
	r.health = h
	r.mu.Unlock()
	r.wake()
}

// expect checks whether the VIPs are held and announced.
func (r *anycastRig) expect(t *testing.T, when string, held, announced int) {
	t.Helper()
	synctest.Wait()
	if got := r.kernel.holds(); got != held {
		t.Errorf("%s: %d VIPs held, want %d", when, got, held)
	}
	if got := r.speaker.announced(); got != announced {
		t.Errorf("%s: %d networks announced, want %d", when, got, announced)
	}
}

// casting runs test with an anycast in virtual time.
func casting(t *testing.T, test func(t *testing.T, r *anycastRig)) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newFakeHerald(t, routedVIPs)
		r := &anycastRig{kernel: &fakeKernel{}, speaker: s, health: unsure}
		r.kernel.allowed = func() bool { return r.on.Load() }
		r.anycast = &anycast{
			vips:     r.kernel,
			announce: h.announce,
			fit: func() fitness {
				r.mu.Lock()
				defer r.mu.Unlock()
				return fitness{health: r.health}
			},
			drained: func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				return r.off
			},
			log:  newLog(t.Output(), "text", nil),
			poke: make(chan struct{}, 1),
		}
		if err := r.configure(routedVIPs); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := r.run(ctx); err != nil {
				t.Error(err)
			}
		})
		test(t, r)
		cancel()
		running.Wait()
	})
}

func TestAnycastFollowsHealth(t *testing.T) {
	casting(t, func(t *testing.T, r *anycastRig) {
		r.expect(t, "before a verdict", 0, 0)
		r.is(well)
		r.expect(t, "healthy", 2, 2)
		r.is(unsure)
		r.expect(t, "while a new check has no verdict", 2, 2)
		r.is(sick)
		r.expect(t, "sick, while routers hear of it", 2, 0)
		time.Sleep(farewell)
		r.expect(t, "sick", 0, 0)
		r.is(unsure)
		r.expect(t, "not known to be healthy again", 0, 0)
		r.is(well)
		r.expect(t, "healthy again", 2, 2)
	})
}

func TestAnycastGoesWithDrain(t *testing.T) {
	casting(t, func(t *testing.T, r *anycastRig) {
		r.is(well)
		r.expect(t, "healthy", 2, 2)
		r.mu.Lock()
		r.off = true
		r.mu.Unlock()
		time.Sleep(idle + farewell)
		r.expect(t, "drained", 0, 0)
	})
}

func TestAnycastIsSetAnewAfterAReload(t *testing.T) {
	casting(t, func(t *testing.T, r *anycastRig) {
		r.is(well)
		r.expect(t, "healthy", 2, 2)
		if err := r.configure(routedVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		r.expect(t, "with one VIP less", 1, 1)
	})
}

func TestAnycastStops(t *testing.T) {
	casting(t, func(t *testing.T, r *anycastRig) {
		r.is(well)
		r.expect(t, "healthy", 2, 2)
		r.stop()
		r.expect(t, "stopped", 0, 0)
		time.Sleep(2 * idle)
		r.expect(t, "after a while", 0, 0)
	})
}

// When a part has failed nobody extends the lease any more: what has an owner does not wait
// until routers have heard that anycast VIPs go.
func TestOwnedVIPsGoBeforeAnycastOnes(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, len(testVIPs), "with a lease")
		d := &daemon{
			balancer: newBalancerLab(t).balancer,
			member:   &member{holder: r.holder, told: notify.Standby},
			anycast: &anycast{
				vips: &fakeKernel{},
				announce: func([]vip.VIP, uint64) {
					if r.holder.holding() {
						t.Error("the owner's VIPs wait for the anycast ones")
					}
				},
				log:  newLog(t.Output(), "text", nil),
				held: true,
			},
		}
		if err := d.letGo(); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 0, "at the end")
		if d.anycast.held {
			t.Error("the anycast VIPs are still held")
		}
	})
}
