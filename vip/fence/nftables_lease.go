package fence

import (
	"errors"
	"fmt"
	"time"
)

// leaseKernel is what ends a lease: a leaseSocket.
type leaseKernel interface {
	// open has the lease end after a timeout of whole milliseconds, at least one.
	open(timeout time.Duration) error
	// shut ends the lease.
	shut() error
	close() error
}

// timerAllowance is how late the kernel may notice that a lease has ended. Its
// rounding to whole ticks only ends leases early.
const timerAllowance = time.Millisecond

// sendAllowances are how long the kernel may take to accept a lease, at the first try
// and at those that follow one that took longer. A lease ends earlier by as much.
func sendAllowances() [3]time.Duration {
	return [...]time.Duration{2 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond}
}

// errLate is returned when the kernel took so long to accept a lease that it could
// have outlived its end.
var errLate = errors.New("the kernel took too long to accept the lease: the fence is shut")

// Set implements mechanism. A lease that is too short for the kernel's timers opens
// nothing.
func (n *nftFence) Set(until time.Duration) error {
	n.gate.Lock()
	defer n.gate.Unlock()
	if until == 0 {
		return n.shut()
	}
	if until <= n.until {
		return nil
	}
	return n.extend(until)
}

// renew puts the lease that is in force back in the place of whatever is there.
func (n *nftFence) renew() error {
	n.gate.Lock()
	defer n.gate.Unlock()
	if n.tooShort(n.timeout(n.until, sendAllowances()[0])) {
		return n.shut()
	}
	return n.extend(n.until)
}

// extend sends the lease. An element's timeout runs from some moment between the two
// readings of the clock, so that it ends in time if it does counted from the second.
func (n *nftFence) extend(until time.Duration) error {
	for try, allowance := range sendAllowances() {
		timeout := n.timeout(until, allowance)
		if n.tooShort(timeout) {
			if try == 0 {
				return nil // what was sent before ends even earlier
			}
			break
		}
		if err := n.lease.open(timeout); err != nil {
			return errors.Join(fmt.Errorf("open the nftables fence: %w", err), n.shut())
		}
		if boottime()+timeout+timerAllowance <= until {
			n.until = until
			return nil
		}
	}
	return errors.Join(errLate, n.shut())
}

// timeout is how long a lease may run that the kernel accepts within an allowance.
func (n *nftFence) timeout(until, allowance time.Duration) time.Duration {
	return (until - boottime() - allowance - timerAllowance).Truncate(time.Millisecond)
}

// tooShort tells of a timeout that the kernel might round to zero, which is none.
func (n *nftFence) tooShort(timeout time.Duration) bool { return timeout < 2*n.tick }

func (n *nftFence) shut() error {
	n.until = 0
	if err := n.lease.shut(); err != nil {
		return fmt.Errorf("shut the nftables fence: %w", err)
	}
	return nil
}
