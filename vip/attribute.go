package vip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"

	"golang.org/x/sys/unix"
)

var errShort = errors.New("message too short")

// kindMask strips the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const kindMask = 1<<14 - 1

// appendAttribute appends one netlink attribute with its padding.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

func appendUint32(b []byte, kind uint16, value uint32) []byte {
	var word [4]byte
	binary.NativeEndian.PutUint32(word[:], value)
	return appendAttribute(b, kind, word[:])
}

// attributes yields kind and value of each netlink attribute in b. It ends
// early at an attribute that claims more than there is.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) & kindMask
			if !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			padded := (size + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
			b = b[min(padded, len(b)):]
		}
	}
}

// cString is a text that ends with its first zero byte.
func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// uint32At returns the i-th 32-bit word of an attribute, 0 when it has fewer.
func uint32At(value []byte, i int) uint32 {
	if len(value) < 4*(i+1) {
		return 0
	}
	return binary.NativeEndian.Uint32(value[4*i:])
}
