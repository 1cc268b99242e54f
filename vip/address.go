package vip

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	forever = math.MaxUint32 // a lifetime without end (INFINITY_LIFE_TIME)

	ifaProto = 11 // IFA_PROTO of linux/if_addr.h, which x/sys/unix lacks

	// The flags that a request may set; the kernel decides the others itself.
	settableFlags = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC | unix.IFA_F_HOMEADDRESS |
		unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN
)

// address is one address of an interface with all that the kernel keeps of it,
// so that it can be put back as it was. It is comparable.
type address struct {
	kind      Kind         // a range is a local route, of which there is nothing else than index, prefix and proto
	index     int          // of the interface
	prefix    netip.Prefix // the address with its prefix length
	peer      netip.Addr   // the other end where that is not the address itself, else zero
	broadcast netip.Addr   // zero if none
	label     string       // IPv4 only
	proto     uint8        // who put it there, as that one says itself
	scope     uint8
	flags     uint32
	valid     uint32 // seconds, or forever
	preferred uint32 // seconds, or forever
	metric    uint32 // of its prefix route; 0 means the kernel's choice
}

// place tells one address of the kernel from another.
type place struct {
	index  int
	prefix netip.Prefix
	kind   Kind
}

// spot is an IP on an interface, whatever its prefix length, or a range.
type spot struct {
	index int
	addr  netip.Addr
	bits  int // of a range, else 0
}

func (a address) String() string { return fmt.Sprintf("%s on interface %d", a.prefix, a.index) }

func (a address) place() place { return place{a.index, a.prefix, a.kind} }

func (a address) spot() spot { return VIP{Address: a.prefix, Kind: a.kind}.spot(a.index) }

func (a address) is4() bool { return a.prefix.Addr().Is4() }

func (a address) has(flag uint32) bool { return a.flags&flag != 0 }

// secondary reports whether the kernel removes the address along with the
// primary one of its subnet. IPv6 knows no such thing.
func (a address) secondary() bool { return a.is4() && a.has(unix.IFA_F_SECONDARY) }

// unusable reports whether the kernel has the address but does not answer for
// it: duplicate address detection is under way or has failed.
func (a address) unusable() bool {
	return a.has(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) && !a.has(unix.IFA_F_OPTIMISTIC)
}

// lasting is a with a lifetime in seconds, or forever. An IPv6 address that is not to be
// preferred is deprecated from the start, so that it is never chosen as a source.
func (a address) lasting(lifetime uint32, is Attributes) address {
	a.valid, a.preferred = lifetime, lifetime
	if a.is4() {
		return a
	}
	a.flags &^= unix.IFA_F_DEPRECATED
	if !is.Preferred {
		a.preferred = 0
		a.flags |= unix.IFA_F_DEPRECATED
	}
	return a
}

// subnet is the prefix that the address makes reachable.
func (a address) subnet() netip.Prefix {
	if a.peer.IsValid() {
		return netip.PrefixFrom(a.peer, a.prefix.Bits()).Masked()
	}
	return a.prefix.Masked()
}

// linkLocals are addresses that a neighbour on a link can answer to, by the index
// of the interface. One whose uniqueness is still being found out will do.
func linkLocals(list []address) map[int]netip.Addr {
	found := make(map[int]netip.Addr)
	for _, a := range list {
		addr := a.prefix.Addr()
		if _, known := found[a.index]; known || a.is4() || a.isRange() || !addr.IsLinkLocalUnicast() || a.has(unix.IFA_F_DADFAILED) {
			continue
		}
		found[a.index] = addr
	}
	return found
}

// appendAddress appends a as the payload of RTM_NEWADDR or RTM_DELADDR.
func appendAddress(b []byte, a address) []byte {
	family := byte(unix.AF_INET6)
	if a.is4() {
		family = unix.AF_INET
	}
	flags := a.flags & settableFlags
	b = append(b, family, byte(a.prefix.Bits()), byte(flags), a.scope)
	b = binary.NativeEndian.AppendUint32(b, uint32(a.index))
	remote := a.prefix.Addr()
	if a.peer.IsValid() {
		remote = a.peer
	}
	b = appendIP(b, unix.IFA_LOCAL, a.prefix.Addr())
	b = appendIP(b, unix.IFA_ADDRESS, remote)
	if a.broadcast.IsValid() {
		b = appendIP(b, unix.IFA_BROADCAST, a.broadcast)
	}
	if a.label != "" {
		b = appendAttribute(b, unix.IFA_LABEL, append([]byte(a.label), 0))
	}
	b = appendUint32(b, unix.IFA_FLAGS, flags)
	if a.metric != 0 {
		b = appendUint32(b, unix.IFA_RT_PRIORITY, a.metric)
	}
	if a.proto != 0 {
		b = appendAttribute(b, ifaProto, []byte{a.proto})
	}
	if a.valid != 0 {
		info := cacheInfo(a)
		b = appendAttribute(b, unix.IFA_CACHEINFO, info[:])
	}
	return b
}

// appendIP appends an attribute without allocating.
func appendIP(b []byte, kind uint16, addr netip.Addr) []byte {
	if addr.Is4() {
		ip := addr.As4()
		return appendAttribute(b, kind, ip[:])
	}
	ip := addr.As16()
	return appendAttribute(b, kind, ip[:])
}

// cacheInfo is a struct ifa_cacheinfo; the kernel ignores its two time stamps.
func cacheInfo(a address) (info [16]byte) {
	binary.NativeEndian.PutUint32(info[:], a.preferred)
	binary.NativeEndian.PutUint32(info[4:], a.valid)
	return info
}

// parseAddress reads the payload of RTM_NEWADDR or RTM_DELADDR.
func parseAddress(b []byte) (address, error) {
	if len(b) < unix.SizeofIfAddrmsg {
		return address{}, fmt.Errorf("address of %d bytes: %w", len(b), errShort)
	}
	a := address{
		index: int(int32(binary.NativeEndian.Uint32(b[4:]))),
		flags: uint32(b[2]), scope: b[3], valid: forever, preferred: forever,
	}
	var local, remote netip.Addr
	for kind, value := range attributes(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(value)
		case unix.IFA_BROADCAST:
			a.broadcast, _ = netip.AddrFromSlice(value)
		default:
			a.setAttribute(kind, value)
		}
	}
	switch {
	case !local.IsValid():
		local = remote // IPv6 names only IFA_ADDRESS where there is no peer
	case remote != local:
		a.peer = remote
	}
	a.prefix = netip.PrefixFrom(local, int(b[1]))
	if !a.prefix.IsValid() {
		return address{}, fmt.Errorf("address %v with %d bits: %w", local, b[1], unix.EINVAL)
	}
	return a, nil
}

func (a *address) setAttribute(kind uint16, value []byte) {
	switch kind {
	case unix.IFA_LABEL:
		a.label = cString(value)
	case unix.IFA_FLAGS:
		a.flags = uint32At(value, 0)
	case unix.IFA_CACHEINFO:
		a.preferred, a.valid = uint32At(value, 0), uint32At(value, 1)
	case unix.IFA_RT_PRIORITY:
		a.metric = uint32At(value, 0)
	case ifaProto:
		if len(value) == 1 {
			a.proto = value[0]
		}
	}
}
