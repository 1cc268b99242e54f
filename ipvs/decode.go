package ipvs

import (
	"encoding/binary"
	"net/netip"

	lvs "github.com/cloudflare/ipvs"
	"github.com/mdlayher/netlink"
)

// decodeNested calls each for the attributes inside the one of a type.
func decodeNested(data []byte, typ uint16, each func(*netlink.AttributeDecoder)) error {
	dec, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return err
	}
	for dec.Next() {
		if dec.Type() != typ {
			continue
		}
		dec.Nested(func(dec *netlink.AttributeDecoder) error {
			for dec.Next() {
				each(dec)
			}
			return nil
		})
	}
	return dec.Err()
}

// addressOf returns the address in b, of which the kernel sends 16 bytes for IPv4 too. It
// returns the zero value if there are too few.
func addressOf(f lvs.AddressFamily, b []byte) netip.Addr {
	if want := bits(fromFamily(f)) / 8; len(b) > want {
		b = b[:want]
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// hostUint16 decodes a number in the order of bytes of networks; 0 if it is none.
func hostUint16(dec *netlink.AttributeDecoder) uint16 {
	b := dec.Bytes()
	if len(b) != 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func nativeInt32(b []byte) int32 { return int32(binary.NativeEndian.Uint32(b)) }
