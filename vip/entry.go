package vip

import (
	"fmt"
	"net/netip"
	"time"
)

// LiesWithin is a part of the reason of a range that has an address of this host. It can be
// held all the same; while it is not, that address is behind its fence, like all others.
const LiesWithin = "an address of this host, lies within"

// retryAfter is how long an address waits that the kernel refused.
const retryAfter = time.Second

// entry is what is known of one configured VIP.
type entry struct {
	vip     VIP
	held    bool
	since   time.Time     // when held last changed
	address address       // as the kernel has it, while held
	given   time.Duration // its lifetime, when it was last added or refreshed; read and changed under op
	lost    bool          // somebody else removed it, and it is not back yet
	readded uint64
	fight   fight
	hold    time.Time // not to be put back before
	err     error     // of the last try to add or remove it
	contest contest

	stranger netip.Addr // of this host, that lies within the range; not valid for none
}

// setHeld notes at now whether the kernel has the VIP.
func (e *entry) setHeld(held bool, now time.Time) {
	if e.held != held {
		e.held, e.since = held, now
	}
}

// reason is why a wanted VIP is not held, or not reachable although it is.
func (e *entry) reason(l link, exists bool) string {
	switch {
	case !exists:
		return fmt.Sprintf("interface %s does not exist", e.vip.Interface)
	case !l.up:
		return fmt.Sprintf("interface %s is down", e.vip.Interface)
	case e.err != nil:
		return e.err.Error()
	case e.lost:
		return fmt.Sprintf("removed by somebody else %d times in a row, put back at most once a second", e.fight.losses)
	case !l.running:
		return fmt.Sprintf("interface %s has no carrier", e.vip.Interface)
	case e.stranger.IsValid():
		return fmt.Sprintf("%s, %s", e.stranger, LiesWithin)
	}
	return ""
}
