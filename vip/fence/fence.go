package fence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrStale is returned by an Open that a Shut overtook.
var ErrStale = errors.New("the fence was shut meanwhile")

// auditEvery is how often the mechanism is looked at without a reason.
const auditEvery = time.Second

// auditAgain is when an audit that failed is repeated before that is trouble: others
// may have changed, meanwhile, what it was about.
const auditAgain = 5 * time.Millisecond

// Fence lets the kernel answer for VIPs while a lease runs. Its methods may be
// called from several goroutines at once.
type Fence struct {
	kind Kind
	log  *slog.Logger

	missing error // see Missing

	kernel mechanism   // nil for Lifetime and Off
	lock   io.Closer   // see sole
	others []candidate // mechanisms that a dead predecessor may have left in the kernel

	gate  sync.Mutex // held during Set: a Shut waits for nothing but an Open
	epoch uint64     // counts the Shuts; guarded by gate

	care    sync.Mutex            // held while the mechanism is changed or looked at
	armed   bool                  // VIPs were protected; guarded by care
	taken   [1 + maxLeases]bool   // numbers of leases in use; likewise
	trouble atomic.Pointer[error] // what the last audit found
}

// Kind is the mechanism in force, never Auto.
func (f *Fence) Kind() Kind { return f.kind }

// Missing returns why Auto took no stronger fence, or nil: it took the strongest there is, or
// a kind was asked for.
func (f *Fence) Missing() error { return f.missing }

// Strict tells whether the kernel stops answering when the lease ends.
func (f *Fence) Strict() bool { return f.kernel != nil }

// Epoch is to be read before the ownership is evaluated that Open goes by.
func (f *Fence) Epoch() uint64 {
	f.gate.Lock()
	defer f.gate.Unlock()
	return f.epoch
}

// Open lets the host answer for the VIPs until a reading of CLOCK_BOOTTIME. It
// returns ErrStale, and opens nothing, if the fence was shut since epoch was read:
// what made it sensible to open then may no longer hold. Where the mechanism refuses,
// because others have just removed a part of it, it is mended first.
func (f *Fence) Open(epoch uint64, until time.Duration) error {
	err := f.open(epoch, until)
	if err == nil || errors.Is(err, ErrStale) {
		return err
	}
	if mend := f.with(mechanism.Audit); mend != nil {
		return fmt.Errorf("open the %s fence: %w", f.kind, errors.Join(err, mend))
	}
	return f.open(epoch, until)
}

func (f *Fence) open(epoch uint64, until time.Duration) error {
	f.gate.Lock()
	defer f.gate.Unlock()
	if epoch != f.epoch {
		return ErrStale
	}
	if f.kernel == nil {
		return nil
	}
	return f.kernel.Set(until)
}

// Shut ends the answering at once.
func (f *Fence) Shut() error {
	f.gate.Lock()
	defer f.gate.Unlock()
	f.epoch++
	if f.kernel == nil {
		return nil
	}
	return f.kernel.Set(0)
}

// ShutAll is Shut, and that of all further leases, for a daemon that is about to end with a
// part that hangs. For the further ones it waits for nobody.
func (f *Fence) ShutAll() error {
	if many, ok := f.kernel.(manyLeases); ok {
		for number := uint32(1); number <= maxLeases; number++ {
			many.end(number).set(0)
		}
	}
	return f.Shut()
}

// Protect replaces the set of VIPs. A VIP must be in it before its address is added
// anywhere. The first time what a dead predecessor left of other mechanisms is taken
// out of the kernel: it would keep the VIPs dark for ever.
func (f *Fence) Protect(vips []netip.Prefix) error {
	f.care.Lock()
	defer f.care.Unlock()
	if f.kernel != nil {
		if err := f.kernel.Protect(vips); err != nil {
			return fmt.Errorf("protect %d VIPs by the %s fence: %w", len(vips), f.kind, err)
		}
	}
	f.arm()
	return nil
}

// arm takes out what others left, once.
func (f *Fence) arm() {
	if f.armed {
		return
	}
	f.armed = true
	f.sweep()
}

func (f *Fence) sweep() {
	for _, c := range f.others {
		if err := c.sweep(f.log); err != nil {
			f.log.Error("what an earlier fence has left may keep the VIPs dark", "fence", c.kind, "error", err)
		}
	}
}

// Guard returns once the interface of the given index is fenced: before a VIP is
// added to it.
func (f *Fence) Guard(index int) error {
	return f.with(func(m mechanism) error { return m.Guard(index) })
}

func (f *Fence) with(do func(mechanism) error) error {
	if f.kernel == nil {
		return nil
	}
	f.care.Lock()
	defer f.care.Unlock()
	return do(f.kernel)
}

// Trouble returns why the kernel may answer beyond the lease, or nil. While it is
// not nil no VIP should be held.
func (f *Fence) Trouble() error {
	if err := f.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Mended tells what others did to the fence that was put right.
func (f *Fence) Mended() Mended {
	if f.kernel == nil {
		return Mended{}
	}
	return f.kernel.Mended()
}

// Close takes the fence out of the kernel. The addresses must be gone. Before the
// first Protect there is only a predecessor's in it, which stays.
func (f *Fence) Close() error {
	f.care.Lock()
	defer f.care.Unlock()
	var err error
	if f.armed && f.kernel != nil {
		err = f.kernel.Close()
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// Run keeps the mechanism in force until ctx ends. It calls changed whenever what
// Trouble returns has become something or nothing.
func (f *Fence) Run(ctx context.Context, changed func()) error {
	if f.kernel == nil {
		return nil
	}
	events := make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return f.kernel.Watch(ctx, func() {
			select {
			case events <- struct{}{}:
			default:
			}
		})
	})
	g.Go(func() error {
		ticker := time.NewTicker(auditEvery)
		defer ticker.Stop()
		for {
			if f.audit() {
				changed()
			}
			select {
			case <-ctx.Done():
				return nil
			case <-events:
			case <-ticker.C:
			}
		}
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("watch over the %s fence: %w", f.kind, err)
	}
	return nil
}

// audit has the mechanism looked at, and tells whether it has come into trouble or
// out of it.
func (f *Fence) audit() bool {
	before := f.Trouble()
	now := f.with(mechanism.Audit)
	if now != nil && before == nil {
		time.Sleep(auditAgain)
		now = f.with(mechanism.Audit)
	}
	f.trouble.Store(&now)
	switch {
	case now != nil && (before == nil || before.Error() != now.Error()):
		f.log.Error("the fence does not hold: no VIP may be held here", "fence", f.kind, "error", now)
	case now == nil && before != nil:
		f.log.Info("the fence holds again", "fence", f.kind)
	}
	return (before == nil) != (now == nil)
}
