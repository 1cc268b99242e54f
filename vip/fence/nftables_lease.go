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

const (
	// sendAllowance is how long the kernel may take to accept a lease.
	sendAllowance = 2 * time.Millisecond
	// timerAllowance is how late the kernel may notice that a lease has ended. Its
	// rounding to whole ticks only ends leases early.
	timerAllowance = time.Millisecond
	// sendTries is how often a lease is sent that took longer.
	sendTries = 2
	// spare is how much earlier than it should a lease ends in the kernel, at least.
	spare = sendAllowance + timerAllowance
)

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
	until := n.until
	if until-boottime() < spare+2*n.tick {
		return n.shut()
	}
	return n.extend(until)
}

// extend sends the lease. An element's timeout runs from some moment between the two
// readings of the clock, so that it ends in time if it does counted from the second.
func (n *nftFence) extend(until time.Duration) error {
	for try := range sendTries {
		timeout := (until - boottime() - spare).Truncate(time.Millisecond)
		if timeout < 2*n.tick {
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

func (n *nftFence) shut() error {
	n.until = 0
	if err := n.lease.shut(); err != nil {
		return fmt.Errorf("shut the nftables fence: %w", err)
	}
	return nil
}
