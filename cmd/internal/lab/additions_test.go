package lab

import (
	"net/netip"
	"testing"
)

func TestAdditionsMissesNone(t *testing.T) {
	for _, vip := range []string{vip4, vip6} {
		_, hosts := newLab(t, 1)
		addr := netip.MustParseAddr(vip)
		a, err := hosts[0].Additions(addr)
		must(t, err)
		for range 3 { // each gone before anybody could look
			give(t, hosts[0], vip)
			must(t, hosts[0].RemoveAddress(addr))
		}
		give(t, hosts[0], "198.18.0.101")
		got, err := a.Count()
		must(t, err)
		must(t, a.Close())
		if got != 3 {
			t.Errorf("%s was added %d times, want 3", vip, got)
		}
	}
}
