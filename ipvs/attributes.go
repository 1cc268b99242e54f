package ipvs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// attributes are encoded as netlink(7) has them: each has its length and its type before it,
// and fills whole words of 4 bytes. The library's encoder takes ten times the memory, which
// shows with thousands of servers.
type attributes []byte

const attributeHead = 4 // bytes

func (a *attributes) uint8(kind uint16, v uint8) { a.bytes(kind, []byte{v}) }

func (a *attributes) uint16(kind uint16, v uint16) {
	a.bytes(kind, binary.NativeEndian.AppendUint16(nil, v))
}

func (a *attributes) uint32(kind uint16, v uint32) {
	a.bytes(kind, binary.NativeEndian.AppendUint32(nil, v))
}

// text adds a string that ends with a NUL.
func (a *attributes) text(kind uint16, s string) { a.bytes(kind, append([]byte(s), 0)) }

func (a *attributes) bytes(kind uint16, value []byte) {
	a.head(kind, len(value))
	*a = append(*a, value...)
	for len(*a)%4 != 0 {
		*a = append(*a, 0)
	}
}

// nested adds an attribute of those that put adds.
func (a *attributes) nested(kind uint16, put func()) {
	begin := len(*a)
	a.head(kind|unix.NLA_F_NESTED, 0)
	put()
	binary.NativeEndian.PutUint16((*a)[begin:], uint16(len(*a)-begin))
}

// head adds what is before a value of some bytes.
func (a *attributes) head(kind uint16, length int) {
	*a = binary.NativeEndian.AppendUint16(*a, uint16(attributeHead+length))
	*a = binary.NativeEndian.AppendUint16(*a, kind)
}
