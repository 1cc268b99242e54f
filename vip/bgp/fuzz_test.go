package bgp

import (
	"net/netip"
	"testing"
)

// Whatever bgpd's configuration is, one plan brings about what is wanted, and no network of
// the operator's goes.
func FuzzPlan(f *testing.F) {
	f.Add(config, uint8(3), uint8(1))
	f.Add("router bgp 65001\n address-family ipv6 unicast\n  network 2001:db8::100/128 route-map\n", uint8(15), uint8(15))
	f.Fuzz(func(t *testing.T, text string, owned, wanted uint8) {
		all := prefixes("198.18.0.100/32", "198.18.0.101/32", "198.18.0.102/32", "2001:db8::100/128")
		ours, want := set{}, networks{}
		for i, p := range all {
			if owned>>i&1 == 1 {
				ours[p] = struct{}{}
			}
			if wanted>>i&1 == 1 {
				ours[p], want[p] = struct{}{}, standing(i%4)
			}
		}
		r := parseRunning(text, 65001, 7)
		next := r.after(mapped(), plan(want, ours, r))
		if left := plan(want, ours, next); len(left) > 0 {
			t.Errorf("steps are left: %v", left)
		}
		for p := range r.networks {
			if _, stays := next.networks[p]; !stays && !ours.has(p) {
				t.Errorf("%s is gone", p)
			}
		}
	})
}

func FuzzParseNeighbors(f *testing.F) {
	f.Add(`{"ipv4Unicast":{"peers":{"10.1.0.254":{"remoteAs":65000,"state":"Idle (Admin)","pfxRcd":1}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseNeighbors(text)
		if err != nil {
			return
		}
		for i := 1; i < len(list); i++ {
			if list[i-1].Name >= list[i].Name {
				t.Errorf("%q is not before %q", list[i-1].Name, list[i].Name)
			}
		}
	})
}

func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"version":1,"networks":["198.18.0.100/32","198.18.0.0/24"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		list, _ := parseLedger(content)
		for _, p := range list {
			if !p.IsSingleIP() || p != netip.PrefixFrom(p.Addr(), p.Addr().BitLen()) {
				t.Errorf("%s is no network of one address", p)
			}
		}
	})
}
