package lab

import (
	"net/netip"
	"testing"
)

func TestTouchesOverlooksNoAddress(t *testing.T) {
	for _, vip := range []string{vip4, vip6} {
		_, hosts := newLab(t, 1)
		addr := netip.MustParseAddr(vip)
		touches, err := hosts[0].Touches(addr)
		must(t, err)
		give(t, hosts[0], "198.18.0.101") // another one
		for round := range 3 {
			before, err := touches.Count()
			must(t, err)
			if round == 0 && before != 0 {
				t.Errorf("%s was touched %d times, and not at all", addr, before)
			}
			give(t, hosts[0], vip)
			must(t, hosts[0].RemoveAddress(addr)) // before anybody could look
			if after, err := touches.Count(); err != nil || after == before {
				t.Errorf("%s came and went, and nobody noticed (%v)", addr, err)
			}
		}
		must(t, touches.Close())
	}
}
