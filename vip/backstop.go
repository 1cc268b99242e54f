package vip

import "time"

const (
	// refreshRate is how many lifetimes are refreshed in a second at most, by all Managers of
	// a Company together, as long as that takes no lifetime above lifetimeMost.
	refreshRate = 50
	// lifetimeMost is the longest lifetime that a number of VIPs makes of a backstop. Who
	// has more than refreshRate*lifetimeMost/refreshesPerLife refreshes more often.
	lifetimeMost = 60 * time.Second
	// refreshesPerLife is how often a lifetime is refreshed before it would be over.
	refreshesPerLife = 4
)

// backstop is the lifetime of each of n addresses, in whole seconds, where something else
// ends the answering of a process that is gone: least, or as long as the refreshes need to
// be few.
func backstop(least time.Duration, n int) time.Duration {
	seconds := (n*refreshesPerLife + refreshRate - 1) / refreshRate
	return max(least, min(time.Duration(seconds)*time.Second, lifetimeMost))
}

// early is by how much a refresh may come before its time, together with another one: each time
// that something is due costs far more than the refresh. It is less than any time between two,
// as VIPs of a Manager may have different lifetimes.
func early(least time.Duration) time.Duration { return least / refreshesPerLife / 2 }

// turns spreads refreshes over a period. It is pure.
type turns struct{ next time.Time }

// Take is when the next of n has its turn, within a period from now on: at once if nobody
// had one lately.
func (t *turns) Take(now time.Time, period time.Duration, n int) time.Time {
	if t.next.Before(now) || t.next.After(now.Add(period)) {
		t.next = now
	}
	at := t.next
	t.next = at.Add(period / time.Duration(max(n, 1)))
	return at
}

// seconds is a lifetime as the kernel counts it; 0 is for ever.
func seconds(lifetime time.Duration) uint32 {
	if lifetime == 0 {
		return forever
	}
	return uint32(lifetime / time.Second)
}

// lasts tells the lifetime of a VIP's address, as the kernel counts it. nil means for ever.
type lasts func(VIP) uint32

func (l lasts) of(v VIP) uint32 {
	if l == nil {
		return forever
	}
	return l(v)
}
