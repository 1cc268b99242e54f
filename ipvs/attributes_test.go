package ipvs

import (
	"bytes"
	"testing"

	"github.com/mdlayher/netlink"
	"pgregory.net/rapid"
)

// Attributes are what the library's encoder makes of them.
func TestAttributes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.Uint16Range(1, 100)
		var got attributes
		want := netlink.NewAttributeEncoder()
		values := func(want *netlink.AttributeEncoder) {
			for range rapid.IntRange(0, 5).Draw(t, "attributes") {
				kind, n := kind.Draw(t, "kind"), rapid.Uint32().Draw(t, "n")
				text := rapid.StringMatching("[a-z]{0,15}").Draw(t, "text")
				got.uint8(kind, uint8(n))
				got.uint16(kind, uint16(n))
				got.uint32(kind, n)
				got.text(kind, text)
				got.bytes(kind, []byte(text))
				want.Uint8(kind, uint8(n))
				want.Uint16(kind, uint16(n))
				want.Uint32(kind, n)
				want.String(kind, text)
				want.Bytes(kind, []byte(text))
			}
		}
		values(want)
		for range rapid.IntRange(0, 3).Draw(t, "nests") {
			kind := kind.Draw(t, "kind")
			want.Nested(kind, func(want *netlink.AttributeEncoder) error {
				got.nested(kind, func() { values(want) })
				return nil
			})
		}
		encoded, err := want.Encode()
		if err != nil || !bytes.Equal(got, encoded) {
			t.Fatalf("%x, want %x (%v)", []byte(got), encoded, err)
		}
	})
}
