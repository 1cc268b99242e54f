package vrrpnet

import (
	"testing"

	"golang.org/x/net/bpf"
)

func TestFilterPassesOurVRIDs(t *testing.T) {
	ours := map[uint8]bool{1: true, 31: true, 32: true, 51: true, 128: true, 255: true}
	var set vrids
	for vrid := range ours {
		set.add(vrid)
	}
	for _, tt := range []struct {
		name   string
		kind   receiverKind
		before []byte // the VRID's second byte of the advert
	}{
		{"IPv4", receiverKind{protocol: protocolVRRP}, append([]byte{0x45}, make([]byte, 19)...)},
		{"IPv4 with options", receiverKind{protocol: protocolVRRP}, append([]byte{0x4f}, make([]byte, 59)...)},
		{"AH", receiverKind{protocol: protocolAH}, append([]byte{0x45}, make([]byte, 19+ahLength)...)},
		{"IPv6", receiverKind{ipv6: true, protocol: protocolVRRP}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			vm, err := bpf.NewVM(set.filter(tt.kind))
			if err != nil {
				t.Fatal(err)
			}
			for vrid := range 256 {
				packet := append(append([]byte{}, tt.before...), 0x31, byte(vrid), 100, 1, 0, 100, 0, 0)
				n, err := vm.Run(packet)
				if err != nil {
					t.Fatal(err)
				}
				if passes := n >= len(packet); passes != ours[uint8(vrid)] {
					t.Errorf("VRID %d passes: %t", vrid, passes)
				}
				if n, err := vm.Run(packet[:len(tt.before)+1]); n > 0 || err != nil {
					t.Errorf("a packet without a VRID passes: %d, %v", n, err)
				}
			}
		})
	}
}
