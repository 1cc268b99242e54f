package vrrpnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// interfaceAddress is one address of an interface. It is comparable.
type interfaceAddress struct {
	index  int
	prefix netip.Prefix
	peer   netip.Addr // the other end where that is not the address itself, else zero
	scope  uint8      // RT_SCOPE_..., smaller is wider
	flags  uint32
}

// parseInterfaceAddress reads the payload of RTM_NEWADDR or RTM_DELADDR.
func parseInterfaceAddress(b []byte) (interfaceAddress, error) {
	if len(b) < unix.SizeofIfAddrmsg {
		return interfaceAddress{}, fmt.Errorf("address of %d bytes: %w", len(b), unix.EBADMSG)
	}
	a := interfaceAddress{
		index: int(int32(binary.NativeEndian.Uint32(b[4:]))),
		scope: b[3], flags: uint32(b[2]),
	}
	var local, remote netip.Addr
	err := eachAttribute(b[unix.SizeofIfAddrmsg:], func(kind uint16, value []byte) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(value)
		case unix.IFA_FLAGS:
			a.flags = uint32At(value)
		}
	})
	if err != nil {
		return interfaceAddress{}, fmt.Errorf("address: %w", err)
	}
	switch {
	case !local.IsValid():
		local = remote // IPv6 names only IFA_ADDRESS where there is no peer
	case remote != local:
		a.peer = remote
	}
	a.prefix = netip.PrefixFrom(local, int(b[1]))
	if !a.prefix.IsValid() {
		return interfaceAddress{}, fmt.Errorf("address %v with %d bits: %w", local, b[1], unix.EBADMSG)
	}
	return a, nil
}

// usable reports whether the kernel answers for the address.
func (a interfaceAddress) usable() bool {
	return a.flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 || a.flags&unix.IFA_F_OPTIMISTIC != 0
}

// secondary is a matter of IPv4: to IPv6 the flag means a temporary address.
func (a interfaceAddress) secondary() bool { return a.flags&unix.IFA_F_SECONDARY != 0 }

func (a interfaceAddress) key() addressKey { return addressKey{a.prefix, a.peer} }

// addressKey tells one address of an interface from another.
type addressKey struct {
	prefix netip.Prefix
	peer   netip.Addr
}

// addressList are the addresses of one family and interface, in the kernel's order.
// Pointers keep it cheap to add and remove thousands one by one.
type addressList struct {
	order []*interfaceAddress
	known map[addressKey]*interfaceAddress
}

// put adds an address or changes it, and reports whether anything is different now.
func (l *addressList) put(a interfaceAddress) bool {
	old := l.known[a.key()]
	switch {
	case old == nil:
		l.insert(a, l.place(a))
	case *old == a:
		return false
	case a.prefix.Addr().Is4() && old.secondary() != a.secondary():
		l.remove(a)
		l.insert(a, l.place(a))
	default:
		*old = a
	}
	return true
}

// append puts an address behind all others, wherever the kernel would put a new one.
func (l *addressList) append(a interfaceAddress) {
	l.remove(a)
	l.insert(a, len(l.order))
}

func (l *addressList) insert(a interfaceAddress, at int) {
	if l.known == nil {
		l.known = make(map[addressKey]*interfaceAddress)
	}
	l.known[a.key()] = &a
	l.order = slices.Insert(l.order, at, &a)
}

// remove reports whether the address was there.
func (l *addressList) remove(a interfaceAddress) bool {
	old, ok := l.known[a.key()]
	if !ok {
		return false
	}
	delete(l.known, a.key())
	i := slices.Index(l.order, old)
	l.order = slices.Delete(l.order, i, i+1)
	return true
}

// place is where the kernel puts a new address. IPv4: the secondary ones last, and
// primary ones behind all that are not wider. IPv6: the wider ones first, and before
// older ones of the same scope.
func (l *addressList) place(a interfaceAddress) int {
	if a.prefix.Addr().Is6() {
		for i, other := range l.order {
			if a.scope <= other.scope {
				return i
			}
		}
		return len(l.order)
	}
	if a.secondary() {
		return len(l.order)
	}
	for i, other := range slices.Backward(l.order) {
		if !other.secondary() && a.scope <= other.scope {
			return i + 1
		}
	}
	return 0
}

func (l *addressList) appendUsable(to []netip.Prefix) []netip.Prefix {
	for _, a := range l.order {
		if a.usable() {
			to = append(to, a.prefix)
		}
	}
	return to
}
