package fence

import (
	"errors"
	"fmt"
	"time"
)

const (
	// sendAllowance is how long the kernel may take to accept a lease. The lease is
	// told to end earlier by as much.
	sendAllowance = 2 * time.Millisecond
	// sendTries is how often a lease is sent that took longer.
	sendTries = 2
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
	if until-boottime() < n.spare()+2*n.tick {
		return n.shut()
	}
	return n.extend(until)
}

// extend sends the lease. An element's timeout runs from some moment between the two
// readings of the clock, so that it ends in time if it does counted from the second.
func (n *nftFence) extend(until time.Duration) error {
	for try := range sendTries {
		timeout := (until - boottime() - n.spare()).Truncate(time.Millisecond)
		if timeout < 2*n.tick {
			if try == 0 {
				return nil // what was sent before ends even earlier
			}
			break
		}
		if err := n.lease.open(timeout); err != nil {
			return errors.Join(fmt.Errorf("open the nftables fence: %w", err), n.shut())
		}
		n.changed()
		if boottime()+timeout+n.tick <= until {
			n.until = until
			return nil
		}
	}
	return errors.Join(errLate, n.shut())
}

// spare is how much earlier than it should the lease ends in the kernel, at least:
// a timer may be late by one tick.
func (n *nftFence) spare() time.Duration { return sendAllowance + n.tick }

func (n *nftFence) shut() error {
	n.until = 0
	if err := n.lease.shut(); err != nil {
		return fmt.Errorf("shut the nftables fence: %w", err)
	}
	n.changed()
	return nil
}
