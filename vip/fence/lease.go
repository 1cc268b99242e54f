package fence

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// ErrLeases is returned when a fence has as many leases as it can have.
var ErrLeases = errors.New("there are 4096 leases already")

var errClosed = errors.New("the lease is closed")

// manyLeases is a mechanism that enforces further leases. Its methods are called as
// those of a mechanism are, and what end returns is for any time.
type manyLeases interface {
	mechanism
	// protect replaces what is under a lease, and arms as Protect does.
	protect(lease uint32, vips []VIP, macs []MAC) error
	// withdraw takes out what is under a lease.
	withdraw(lease uint32) error
	// end is where the lease's end is kept.
	end(lease uint32) *expiry
}

// Lease is one beside the cluster's, with VIPs of its own: that of a virtual router. Its
// methods may be called from several goroutines at once. Where the fence has no strict
// leases they enforce nothing.
type Lease struct {
	fence  *Fence
	number uint32     // 0 where nothing enforces it
	kernel manyLeases // nil likewise
	end    *expiry    // likewise

	inside atomic.Int32 // so many are at end
	closed atomic.Bool
	gone   bool // it has no number any more; guarded by fence.care
}

// StrictLeases tells whether the kernel stops answering when a Lease ends.
func (f *Fence) StrictLeases() bool {
	_, ok := f.kernel.(manyLeases)
	return ok
}

// NewLease makes a further lease, shut. It returns ErrLeases if there are too many.
func (f *Fence) NewLease() (*Lease, error) {
	many, ok := f.kernel.(manyLeases)
	if !ok {
		return &Lease{fence: f}, nil
	}
	f.care.Lock()
	defer f.care.Unlock()
	for number := uint32(1); number <= maxLeases; number++ {
		if f.taken[number] {
			continue
		}
		f.taken[number] = true
		end := many.end(number)
		end.set(0)
		return &Lease{fence: f, number: number, kernel: many, end: end}, nil
	}
	return nil, ErrLeases
}

// Protect replaces what is under the lease. A VIP must be there before its address is
// added anywhere, and the MAC before its interface is up. What another lease has is
// ErrOtherLease, and changes nothing. Like that of Fence it arms the fence: if it is
// the first of all, what a dead predecessor left is taken out of the kernel, with the
// VIPs that nobody protects yet.
func (l *Lease) Protect(vips []VIP, macs []MAC) error {
	l.fence.care.Lock()
	defer l.fence.care.Unlock()
	if l.closed.Load() {
		return fmt.Errorf("protect %d VIPs of a router: %w", len(vips), errClosed)
	}
	if err := l.protect(vips, macs); err != nil {
		return fmt.Errorf("protect %d VIPs of a router by the %s fence: %w", len(vips), l.fence.kind, err)
	}
	l.fence.arm()
	return nil
}

func (l *Lease) protect(vips []VIP, macs []MAC) error {
	switch {
	case l.kernel != nil:
		return l.kernel.protect(l.number, vips, macs)
	case l.fence.kernel != nil && !l.fence.armed:
		return l.fence.kernel.Protect(nil)
	}
	return nil
}

// Open lets the host answer for the VIPs until a reading of CLOCK_BOOTTIME, if that is
// later than before. It waits for nobody.
func (l *Lease) Open(until time.Duration) {
	if l.enter() {
		l.end.extend(until)
	}
	l.inside.Add(-1)
}

// Shut ends the answering at once. It waits for nobody. The next Open opens again.
func (l *Lease) Shut() {
	if l.enter() {
		l.end.set(0)
	}
	l.inside.Add(-1)
}

// enter keeps Close waiting, and tells whether the memory is the lease's still.
func (l *Lease) enter() bool {
	l.inside.Add(1)
	return l.end != nil && !l.closed.Load()
}

// Close shuts the lease for good and takes its VIPs out of the fence: the addresses must
// be gone. After an error they stay dark, and it may be called again.
func (l *Lease) Close() error {
	l.fence.care.Lock()
	defer l.fence.care.Unlock()
	l.closed.Store(true)
	if l.kernel == nil || l.gone {
		return nil
	}
	for l.inside.Load() > 0 { // some instructions
		runtime.Gosched()
	}
	l.end.set(0)
	if err := l.kernel.withdraw(l.number); err != nil {
		return fmt.Errorf("take the VIPs of a router out of the %s fence: %w", l.fence.kind, err)
	}
	l.fence.taken[l.number] = false
	l.gone = true
	return nil
}
