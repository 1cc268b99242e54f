package daemon

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/vip"
)

// A reload that waits for the disk keeps nobody from releasing.
func TestLeaseEndsDuringAReload(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, 80*time.Millisecond)
		expect(t, r, 2, "with a lease")
		disk := make(chan struct{})
		r.kernel.change(func() { r.kernel.configure = disk })
		reloaded := make(chan error, 1)
		go func() { reloaded <- r.configure(testVIPs) }()
		time.Sleep(80 * time.Millisecond)
		expect(t, r, 0, "at the end of the lease, while the disk hangs")
		close(disk)
		if err := <-reloaded; err != nil {
			t.Fatal(err)
		}
		expect(t, r, 0, "after the reload")
	})
}

func TestConfigureWhileHolding(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		<-r.claims
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 1, "with one VIP less")
		if err := r.configure(testVIPs); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 2, "with both again")
		if len(r.claims) > 0 {
			t.Error("a reload was claimed as a change of ownership")
		}
	})
}

// The log tells when the VIPs go, and not at each reload that they are still gone.
func TestOnlyTransitionsAreLogged(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		reload := func() {
			if err := r.configure(testVIPs); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		reload()
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		reload()
		if n := r.said("this node holds no VIP"); n != 0 {
			t.Errorf("said %d times that it holds no VIP before it held any or while it does", n)
		}
		r.cluster.give(0, 0)
		expect(t, r, 0, "after the lease")
		reload()
		if n := r.said("this node holds no VIP"); n != 1 {
			t.Errorf("said %d times that it holds no VIP, want once", n)
		}
	})
}

// A reload that comes while the old list is being set is not lost.
func TestConfigureDuringATaking(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, time.Minute)
		synctest.Wait() // in Set of the one
		if err := r.configure(testVIPs); err != nil {
			t.Fatal(err)
		}
		close(gate)
		expect(t, r, 2, "after both")
	})
}

// A node that becomes owner while a reload hangs half way waits for it quietly.
func TestTakingDuringAReloadThatHangs(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.kernel.change(func() { r.kernel.configured = testVIPs[:1] }) // installed, not returned
		r.cluster.give(2, time.Hour)
		synctest.Wait()
		r.kernel.mu.Lock()
		before := r.kernel.sets
		r.kernel.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		r.kernel.mu.Lock()
		tries := r.kernel.sets - before
		r.kernel.mu.Unlock()
		if tries > 5 {
			t.Errorf("%d tries in a second", tries)
		}
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		expect(t, r, 1, "after the reload")
	})
}

func TestConfigureThatFails(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		r.cluster.give(2, time.Minute)
		expect(t, r, 2, "with a lease")
		for _, nothing := range []error{vip.ErrLedger, vip.ErrInvalid} {
			r.kernel.change(func() { r.kernel.ledger = fmt.Errorf("%w: why", nothing) })
			if err := r.configure(testVIPs[:1]); !errors.Is(err, nothing) || !unchanged(err) {
				t.Errorf("configure: %v, want %v", err, nothing)
			}
			expect(t, r, 2, "after a reload that changed nothing")
			if len(r.configured) != 2 {
				t.Errorf("%v: the holder goes by the list that was refused", nothing)
			}
		}
		trouble := errors.New("the kernel refuses one")
		r.kernel.change(func() { r.kernel.ledger, r.kernel.trouble = nil, trouble })
		if err := r.configure(testVIPs[:1]); !errors.Is(err, trouble) {
			t.Errorf("configure: %v, want the kernel's error", err)
		}
		expect(t, r, 1, "after a reload in force with trouble")
		r.cluster.give(0, 0)
		expect(t, r, 0, "standby")
		r.cluster.give(3, time.Minute)
		expect(t, r, 1, "owner again, of the new list")
	})
}
