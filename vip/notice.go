package vip

import (
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// everywhere stands for all interfaces; none has this index.
const everywhere = 0

// note takes notifications in and reports whether they ask for a look at the
// kernel that was not asked for before. What this process causes itself asks for
// none: its VIPs that come are wanted, and those that go are not.
func (m *Manager) note(messages []syscall.NetlinkMessage) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.dirty
	for _, msg := range messages {
		if m.asks(msg) {
			m.dirty = true
		}
	}
	return m.dirty && !before
}

// asks takes one notification in and reports whether it asks for a look.
func (s *state) asks(msg syscall.NetlinkMessage) bool {
	switch msg.Header.Type {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, err := parseAddress(msg.Data)
		return err != nil || s.addressAsks(msg.Header.Type, a)
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		a, err := parseRange(msg.Data)
		return err == nil && s.rangeAsks(msg.Header.Type, a)
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		l, err := parseLink(msg.Data)
		return err != nil || s.linkAsks(msg.Header.Type, l)
	case unix.RTM_NEWNETCONF:
		return s.watches(netconfIndex(msg.Data))
	}
	return false
}

// addressAsks is true for a wanted VIP that went or was changed and for an unwanted one
// that came. Any other address on an interface with VIPs matters when it goes, as it
// may have been what made their subnet reachable, and when it comes behind one of
// them, which then has to give way.
func (s *state) addressAsks(kind uint16, a address) bool {
	vip, owned := s.owners[a.spot()]
	_, wanted := s.wanted[vip]
	gone := kind == unix.RTM_DELADDR
	if !owned {
		return (gone || a.secondary()) && s.watches(a.index) || s.withinRange(a.prefix.Addr()).Interface != ""
	}
	return gone == wanted || !gone && !a.is4() && a.changed(s.entries[vip].address)
}

// rangeAsks is true for a wanted range that went and for an unwanted one that came.
func (s *state) rangeAsks(kind uint16, a address) bool {
	vip, owned := s.owners[a.spot()]
	_, wanted := s.wanted[vip]
	return owned && (kind == unix.RTM_DELROUTE) == wanted
}

// withinRange returns the range that has an address, zero for none.
func (s *state) withinRange(addr netip.Addr) VIP {
	for _, v := range s.ranges {
		if v.Address.Contains(addr) {
			return v
		}
	}
	return VIP{}
}

// linkAsks is true for an interface of VIPs that came, changed or went.
func (s *state) linkAsks(kind uint16, now linkNews) bool {
	if now.family != unix.AF_UNSPEC || now.partial {
		return false // a bridge speaks of its port, a radio of its own affairs
	}
	asks := false
	for _, name := range s.names {
		old := s.links[name] // of index 0 if there is none
		switch {
		case kind == unix.RTM_NEWLINK && slices.Contains(now.names, name):
			if old.moved(now.link) || now.rewired {
				s.moved[now.index] = struct{}{}
				asks = true
			}
		case old.index == now.index:
			asks = true
		}
	}
	return asks
}

// watches reports whether an interface carries VIPs.
func (s *state) watches(index int) bool {
	for _, l := range s.links {
		if l.index == index {
			return true
		}
	}
	return false
}

// netconfIndex is the interface that an RTM_NEWNETCONF is about.
func netconfIndex(b []byte) int {
	const header, interfaceIndex = 4, 1 // padded struct netconfmsg, NETCONFA_IFINDEX
	for kind, value := range attributes(b[min(header, len(b)):]) {
		if kind == interfaceIndex {
			return int(int32(uint32At(value, 0)))
		}
	}
	return everywhere
}
