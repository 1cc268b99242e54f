package fence

import (
	"encoding/binary"
	"iter"
	"net/netip"
)

const (
	sieveOrder = 20                  // log2 of the bits of the sieve
	sieveMix   = -0x61c8864680b583eb // 2^64 / golden ratio, as a signed number
	sieveWords = 1 << sieveOrder / 64

	// maxSpread is the host part, in bits, up to which each address of a range is
	// put into the sieve. A longer one lets all through to the exact look.
	maxSpread = 12
)

// sieveOf is the bits for VIPs.
func sieveOf(vips iter.Seq[VIP]) []uint64 {
	all := make([]uint64, sieveWords)
	sift(vips, func(word int, bits uint64) { all[word] |= bits })
	return all
}

// sift sets the bits for VIPs, word by word.
func sift(vips iter.Seq[VIP], set func(word int, bits uint64)) {
	for v := range vips {
		p := v.Prefix
		spread := p.Addr().BitLen() - p.Bits()
		if spread > maxSpread {
			for word := range sieveWords {
				set(word, ^uint64(0))
			}
			return
		}
		addr := p.Addr()
		for range 1 << spread {
			hash := sieveHash(addr)
			set(int(hash/64), 1<<(hash%64))
			addr = addr.Next()
		}
	}
}

// sieveHash is what the programs compute, too (program.go). It takes the address as
// the processor reads it from the packet.
func sieveHash(a netip.Addr) uint64 {
	mix := sieveMix
	return sieveWord(a) * uint64(mix) >> (64 - sieveOrder)
}

func sieveWord(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.NativeEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.NativeEndian.Uint64(b[:8]) + binary.NativeEndian.Uint64(b[8:])
}
