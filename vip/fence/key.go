package fence

import (
	"encoding/binary"
	"net/netip"
)

// Layout of a key as the programs build it on their stack: the length of the prefix
// in bits, then what the tries and the hash map look for. Each family has a number of
// its own in front, so that ::/0 does not hold 0.0.0.0.
const (
	keySize  = 24
	hostSize = 20 // a key without its first word

	familyBits = 32
	family4    = 4
	family6    = 6
)

// vipKey is the key of a VIP in the trie; from its fifth byte on, of a host.
func vipKey(p netip.Prefix) [keySize]byte {
	var key [keySize]byte
	binary.NativeEndian.PutUint32(key[:], uint32(familyBits+p.Bits()))
	family := uint32(family6)
	if p.Addr().Is4() {
		family = family4
	}
	binary.NativeEndian.PutUint32(key[4:], family)
	copy(key[8:], p.Addr().AsSlice())
	return key
}
