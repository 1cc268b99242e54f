package fence

import (
	"encoding/binary"
	"net/netip"
)

// Layout of a key as the programs build it on their stack: the length of the prefix
// in bits, the family, the address, and the index of an interface. The trie looks for
// all but the last, the hash map for all but the first. Each family has a number of its
// own, so that ::/0 does not hold 0.0.0.0.
const (
	keySize   = 28
	rangeSize = keySize - 4 // of a key in the trie
	hostSize  = keySize - 4 // of a key in the hash map

	familyBits = 32
	family4    = 4
	family6    = 6

	keyFamily  = 4 // offsets
	keyAddress = 8
	keyScope   = 24
)

// vipKey is the key of a VIP.
func vipKey(v VIP) [keySize]byte {
	var key [keySize]byte
	addr := v.Prefix.Addr()
	binary.NativeEndian.PutUint32(key[:], uint32(familyBits+v.Prefix.Bits()))
	family := uint32(family6)
	if addr.Is4() {
		family = family4
	}
	binary.NativeEndian.PutUint32(key[keyFamily:], family)
	copy(key[keyAddress:], addr.AsSlice())
	binary.NativeEndian.PutUint32(key[keyScope:], uint32(v.Interface))
	return key
}

// isScoped tells of an address that each interface may have for itself.
func isScoped(p netip.Prefix) bool {
	return p.IsSingleIP() && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()
}

const macKeySize = 12

// macKey is the first four bytes of the MAC, the last two as a word, and the index of
// the interface.
func macKey(m MAC) []byte {
	key := append([]byte(nil), m.Address[:4]...)
	key = binary.NativeEndian.AppendUint32(key, uint32(binary.NativeEndian.Uint16(m.Address[4:])))
	return binary.NativeEndian.AppendUint32(key, uint32(m.Interface))
}

// virtualPrefix is how the MACs of virtual routers begin, unless they have one of their
// own (RFC 9568, 7.3).
func virtualPrefix() [4]byte { return [4]byte{0x00, 0x00, 0x5e, 0x00} }

// isUsual tells of a MAC that begins so.
func (m MAC) isUsual() bool { return [4]byte(m.Address[:4]) == virtualPrefix() }
