package vrrpnet

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// eachAttribute gives kind and value of each netlink attribute in b to f. It ends with
// an error at one that claims more than there is.
func eachAttribute(b []byte, f func(kind uint16, value []byte)) error {
	const flags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return fmt.Errorf("attribute of %d bytes in %d: %w", size, len(b), unix.EBADMSG)
		}
		f(binary.NativeEndian.Uint16(b[2:])&^flags, b[unix.SizeofRtAttr:size])
		padded := (size + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
		b = b[min(padded, len(b)):]
	}
	return nil
}

// uint32At returns an attribute of 32 bits, 0 if it is too short.
func uint32At(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}
