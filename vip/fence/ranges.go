package fence

import (
	"fmt"
	"net/netip"
	"slices"
)

// addrRange is the addresses from first to last, both included, of one family. It
// is comparable.
type addrRange struct{ first, last netip.Addr }

func (r addrRange) String() string { return r.first.String() + "-" + r.last.String() }

// rangesOf returns the addresses of all prefixes as ranges in order that neither
// overlap nor touch: what an interval set takes.
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

// merged sorts ranges and joins those that overlap or touch.
func merged(all []addrRange) []addrRange {
	slices.SortFunc(all, func(a, b addrRange) int { return a.first.Compare(b.first) })
	joined := all[:0]
	for _, r := range all {
		if n := len(joined); n > 0 && joined[n-1].reaches(r.first) {
			joined[n-1].last = later(joined[n-1].last, r.last)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// reaches tells whether addr, which is not before r, is in r or just behind it.
func (r addrRange) reaches(addr netip.Addr) bool {
	return r.first.Is4() == addr.Is4() && (!r.last.Less(addr) || r.last.Next() == addr)
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
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
