package vip

import (
	"errors"
	"fmt"
	"net/netip"
)

// Kind is what a VIP consists of.
type Kind string

const (
	Single Kind = ""       // one address of an interface
	Range  Kind = "prefix" // all addresses of a prefix, as one local route
)

const (
	// maxSpoken is the host part, in bits, of the largest range whose addresses are
	// announced. A larger one must be routed to its owner.
	maxSpoken = 12

	// The widest ranges. What is wider is a slip, and would take the peers away.
	widest4 = 8
	widest6 = 32
)

// Why a prefix cannot be a range.
var (
	errHostBits   = errors.New("has host bits set")
	errOneAddress = errors.New("is one address")
	errTooWide    = errors.New("is too wide")
	errReserved   = errors.New("has addresses that are no hosts'")
)

// CheckRange reports why a prefix cannot be a VIP of kind Range, as in "has host bits set".
func CheckRange(p netip.Prefix) error {
	switch {
	case p.IsSingleIP():
		return errOneAddress
	case p != p.Masked():
		return errHostBits
	case p.Addr().Is4() && p.Bits() < widest4, p.Addr().Is6() && p.Bits() < widest6:
		return errTooWide
	}
	for _, reserved := range [...]string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/32", "fe80::/10", "ff00::/8"} {
		if p.Overlaps(netip.MustParsePrefix(reserved)) {
			return errReserved
		}
	}
	return nil
}

// Spoken reports whether neighbours are told of the addresses of a range one by one. The
// kernel answers ARP for each of them, but no solicitation of IPv6.
func Spoken(p netip.Prefix) bool { return p.Addr().Is4() && p.Addr().BitLen()-p.Bits() <= maxSpoken }

func (v VIP) isRange() bool { return v.Kind == Range }

// spoken reports whether v is announced.
func (v VIP) spoken() bool { return !v.isRange() || Spoken(v.Address) }

// Protected is what has to be behind a fence for v.
func (v VIP) Protected() netip.Prefix {
	if v.isRange() {
		return v.Address
	}
	return netip.PrefixFrom(v.Address.Addr(), v.Address.Addr().BitLen())
}

// spot is where v belongs on an interface, and place what it is there.
func (v VIP) spot(index int) spot {
	if v.isRange() {
		return spot{index, v.Address.Addr(), v.Address.Bits()}
	}
	return spot{index, v.Address.Addr(), 0}
}

func (v VIP) place(index int) place { return place{index, v.Address, v.Kind} }

// route is v on an interface.
func (v VIP) route(index int) address {
	return address{kind: Range, index: index, prefix: v.Address, proto: rangeProtocol, valid: forever, preferred: forever}
}

func (a address) isRange() bool { return a.kind == Range }

// hasPrimary reports whether a is one of those that the kernel groups by subnets.
func (a address) hasPrimary() bool { return a.is4() && !a.isRange() }

// checkOverlaps finds ranges that have addresses of other VIPs.
func checkOverlaps(vips []VIP) error {
	var errs []error
	for i, v := range vips {
		if !v.isRange() {
			continue
		}
		for j, other := range vips {
			if i != j && (!other.isRange() || j < i) && v.Address.Overlaps(other.Protected()) {
				errs = append(errs, fmt.Errorf("VIP %s: overlaps %s", v, other))
			}
		}
	}
	return errors.Join(errs...)
}

// ranges are those of VIPs that are.
func ranges(lists ...[]VIP) []VIP {
	var found []VIP
	for _, list := range lists {
		for _, v := range list {
			if v.isRange() {
				found = append(found, v)
			}
		}
	}
	return found
}

// strangers are the addresses within ranges that are no VIP's, by the range.
func strangers(list []VIP, addresses []address, vips ...[]VIP) map[VIP]netip.Addr {
	found := make(map[VIP]netip.Addr)
	if len(list) == 0 {
		return found
	}
	known := make(map[netip.Addr]struct{})
	for _, part := range vips {
		for _, v := range part {
			if !v.isRange() {
				known[v.Address.Addr()] = struct{}{}
			}
		}
	}
	for _, a := range addresses {
		if _, ours := known[a.prefix.Addr()]; ours || a.isRange() {
			continue
		}
		for _, v := range list {
			if v.Address.Contains(a.prefix.Addr()) {
				found[v] = a.prefix.Addr()
			}
		}
	}
	return found
}
