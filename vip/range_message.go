package vip

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// rangeProtocol is the number (RTA_PROTOCOL) of the routes to ranges: "ip route show
// table local proto 213" lists them. It is not that of package route, which sweeps what
// has its own.
const rangeProtocol = 213

var errNoRange = errors.New("no local route to a range")

// appendRange appends a as the payload of RTM_NEWROUTE or RTM_DELROUTE. A protocol of 0
// removes the route of anybody.
func appendRange(b []byte, a address) []byte {
	family, scope := byte(unix.AF_INET6), byte(unix.RT_SCOPE_UNIVERSE)
	if a.is4() {
		family, scope = unix.AF_INET, unix.RT_SCOPE_HOST
	}
	b = append(b, family, byte(a.prefix.Bits()), 0, 0, unix.RT_TABLE_LOCAL, a.proto, scope, unix.RTN_LOCAL, 0, 0, 0, 0)
	b = appendAttribute(b, unix.RTA_DST, a.prefix.Addr().AsSlice())
	return appendUint32(b, unix.RTA_OIF, uint32(a.index))
}

// appendRangeQuery appends the payload of an RTM_GETROUTE for the local routes of a family.
func appendRangeQuery(b []byte, family byte) []byte {
	return append(b, family, 0, 0, 0, unix.RT_TABLE_LOCAL, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0)
}

// parseRange reads the payload of RTM_NEWROUTE or RTM_DELROUTE. What is no local route
// to more than one address is errNoRange.
func parseRange(b []byte) (address, error) {
	if len(b) < unix.SizeofRtMsg {
		return address{}, fmt.Errorf("route of %d bytes: %w", len(b), errShort)
	}
	a := address{kind: Range, proto: b[5], valid: forever, preferred: forever}
	table := uint32(b[4])
	var to netip.Addr
	for kind, value := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			to, _ = netip.AddrFromSlice(value)
		case unix.RTA_OIF:
			a.index = int(int32(uint32At(value, 0)))
		case unix.RTA_TABLE:
			table = uint32At(value, 0)
		}
	}
	a.prefix = netip.PrefixFrom(to, int(b[1]))
	if table != unix.RT_TABLE_LOCAL || b[7] != unix.RTN_LOCAL || !a.prefix.IsValid() || a.prefix.IsSingleIP() {
		return address{}, errNoRange
	}
	return a, nil
}

// Ranges lists the local routes to more than one address by interfaces for which of
// returns true, of the families of some ranges. It says as Addresses does whether the
// list is complete.
func (k kernel) Ranges(like []VIP, of func(index int) bool) (list []address, complete bool, err error) {
	complete = true
	for _, family := range routeFamilies(like) {
		answers, err := k.dumpRanges(family)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, false, fmt.Errorf("list local routes: %w", err)
		}
		complete = complete && err == nil
		for _, b := range answers {
			if a, err := parseRange(b); err == nil && of(a.index) {
				list = append(list, a)
			}
		}
	}
	return list, complete, nil
}

// routeFamilies are those of some ranges.
func routeFamilies(list []VIP) (found []byte) {
	var has [2]bool
	for _, v := range list {
		if v.Address.Addr().Is4() {
			has[0] = true
		} else {
			has[1] = true
		}
	}
	for i, family := range [...]byte{unix.AF_INET, unix.AF_INET6} {
		if has[i] {
			found = append(found, family)
		}
	}
	return found
}

// dumpRanges lists the local routes of a family. A kernel without a table or a family of
// the kind has none.
func (k kernel) dumpRanges(family byte) (answers [][]byte, err error) {
	for range dumpTries {
		answers, err = k.Request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, appendRangeQuery(nil, family), unix.RTM_NEWROUTE)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAFNOSUPPORT) {
		return nil, nil
	}
	return answers, err
}

// appendChange appends the payload of a request of a kind for an address, and returns the
// kind that it has for what a is. The route to a range is removed whoever put it there.
func appendChange(b []byte, kind int, a address) ([]byte, int) {
	switch {
	case !a.isRange():
		return appendAddress(b, a), kind
	case kind == unix.RTM_DELADDR:
		a.proto = 0
		return appendRange(b, a), unix.RTM_DELROUTE
	}
	return appendRange(b, a), unix.RTM_NEWROUTE
}
