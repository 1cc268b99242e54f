package vrrp

import "net/netip"

// marks are the highest numbers that senders have signed. Only those have one whose
// signature was right, so that forged senders drive nobody out.
type marks struct {
	slots []mark
	uses  uint64
}

// minMarks is how many senders have a mark at the least.
const minMarks = 16

// newMarks makes marks that have room for so many peers.
func newMarks(peers int) *marks { return &marks{slots: make([]mark, max(minMarks, peers))} }

type mark struct {
	from  netip.Addr
	value uint64
	used  uint64
}

// find returns the mark of a sender, or nil if there is none.
func (m *marks) find(from netip.Addr) *mark {
	for i := range m.slots {
		if m.slots[i].from == from {
			return &m.slots[i]
		}
	}
	return nil
}

// set sets the mark of a sender, in place of the one that was set the longest ago.
func (m *marks) set(from netip.Addr, value uint64) {
	slot := m.find(from)
	for i := range m.slots {
		if slot == nil || slot.from != from && m.slots[i].used < slot.used {
			slot = &m.slots[i]
		}
	}
	m.uses++
	*slot = mark{from: from, value: value, used: m.uses}
}
