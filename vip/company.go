package vip

import (
	"sync"
	"sync/atomic"
	"time"
)

// Company is what the Managers of one network namespace must know of each other to
// work beside each other on one interface. Its zero value is ready for use.
//
// The VIPs of the others are neither one's own nor somebody else's: left alone, but
// nothing to give way to, else two VIPs would give way to each other for ever. And as
// all use the same setting of an interface for a moment (opKeep), one at a time does.
type Company struct {
	mu    sync.Mutex
	vips  map[*Manager][]VIP // configured
	want  map[*Manager]int   // so many addresses
	turns turns              // of refreshes

	wanted atomic.Int64 // the sum of want

	keeping sync.Mutex // held while promote_secondaries is read, and while it is another than it was
}

// configure notes what m answers for.
func (c *Company) configure(m *Manager, vips []VIP) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vips == nil {
		c.vips = make(map[*Manager][]VIP)
	}
	c.vips[m] = vips
}

// leave forgets m.
func (c *Company) leave(m *Manager) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.vips, m)
	c.note(m, 0)
}

// wants notes how many addresses m is to hold.
func (c *Company) wants(m *Manager, addresses int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(m, addresses)
}

func (c *Company) note(m *Manager, addresses int) {
	if c.want == nil {
		c.want = make(map[*Manager]int)
	}
	c.wanted.Add(int64(addresses - c.want[m]))
	c.want[m] = addresses
	if addresses == 0 {
		delete(c.want, m)
	}
}

// Wanted is how many addresses all are to hold.
func (c *Company) Wanted() int { return int(c.wanted.Load()) }

// turn is when a refresh has its turn among those of all, which come in a period.
func (c *Company) turn(now time.Time, period time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turns.Take(now, period, c.Wanted())
}

// besides are the VIPs of all but m.
func (c *Company) besides(m *Manager) []VIP {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []VIP
	for other, vips := range c.vips {
		if other != m {
			list = append(list, vips...)
		}
	}
	return list
}
