package fence

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sort"
)

// addrRange is the addresses from first to last, both included, of one family. It
// is comparable.
type addrRange struct{ first, last netip.Addr }

func (r addrRange) String() string { return r.first.String() + "-" + r.last.String() }

// rangesOf returns the addresses of all prefixes as ranges in order that do not
// overlap: what an interval set takes.
func rangesOf(prefixes []netip.Prefix) ([]addrRange, error) {
	all := make([]addrRange, 0, len(prefixes))
	for _, p := range prefixes {
		if !p.IsValid() || p.Addr().Zone() != "" || p.Addr().Is4In6() {
			return nil, fmt.Errorf("fence %s: not a range of IPv4 or IPv6 addresses", p)
		}
		all = append(all, addrRange{p.Masked().Addr(), lastOf(p)})
	}
	return merged(all), nil
}

// merged sorts ranges and leaves out those within others: prefixes overlap in no
// other way.
func merged(all []addrRange) []addrRange {
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		return cmp.Or(a.first.Compare(b.first), b.last.Compare(a.last)) < 0
	})
	kept := all[:0]
	for _, r := range all {
		if n := len(kept); n == 0 || !kept[n-1].overlaps(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

func (r addrRange) overlaps(other addrRange) bool {
	return !r.last.Less(other.first) && !other.last.Less(r.first)
}

// difference is what has to be done to ranges to get others. Those that overlap
// have to be swapped in one go.
type difference struct{ swapOut, swapIn, come, gone []addrRange }

// differenceOf compares two lists in order.
func differenceOf(before, after []addrRange) difference {
	var d difference
	gone, come := without(before, after), without(after, before)
	for _, r := range gone {
		if overlapsAny(r, come) {
			d.swapOut = append(d.swapOut, r)
		} else {
			d.gone = append(d.gone, r)
		}
	}
	for _, r := range come {
		if overlapsAny(r, gone) {
			d.swapIn = append(d.swapIn, r)
		} else {
			d.come = append(d.come, r)
		}
	}
	return d
}

// without returns the ranges of a that are not in b.
func without(a, b []addrRange) []addrRange {
	in := make(map[addrRange]bool, len(b))
	for _, r := range b {
		in[r] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(r addrRange) bool { return in[r] })
}

// overlapsAny tells whether r overlaps one of a list in order.
func overlapsAny(r addrRange, list []addrRange) bool {
	i, _ := slices.BinarySearchFunc(list, r.first, func(l addrRange, first netip.Addr) int { return l.last.Compare(first) })
	return i < len(list) && list[i].overlaps(r)
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
