package vip

import "sync"

// Company is what the Managers of one network namespace must know of each other to
// work beside each other on one interface. Its zero value is ready for use.
//
// The VIPs of the others are neither one's own nor somebody else's: left alone, but
// nothing to give way to, else two VIPs would give way to each other for ever. And as
// all use the same setting of an interface for a moment (opKeep), one at a time does.
type Company struct {
	mu   sync.Mutex
	vips map[*Manager][]VIP // configured

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
