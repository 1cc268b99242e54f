package vip

import (
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
)

func TestConfigureSweeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vips.json")
	must(t, ledger(path).Write(vips("198.18.0.90/24", "198.18.0.100/24")))
	k := newFakeKernel(ethernetLink(2, "eth0"))
	for _, prefix := range []string{"198.18.0.1/24", "198.18.0.90/24", "198.18.0.100/24", "198.18.0.101/24", "198.18.0.7/24"} {
		k.put(2, prefix)
	}
	m := newManager(Options{Ledger: path}, k)
	all := vips("198.18.0.100/24", "198.18.0.101/24")
	must(t, m.Configure(all))
	wantList(t, k, "198.18.0.1/24", "198.18.0.7/24")
	m.shorten()
	if got, err := ledger(path).Read(); err != nil || !slices.Equal(got, all) {
		t.Errorf("the ledger has %v, %v, want %v", got, err, all)
	}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	before := vips("198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24")
	m, k := fakeWith(t, Options{}, before)
	k.put(2, "198.18.0.1/24")
	must(t, m.Set(before))
	since := m.Status()[1].Since
	k.takeRequests()
	after := vips("198.18.0.101/24", "198.18.0.102/32", "198.18.0.103/24")
	must(t, m.Configure(after))
	wantRequests(t, k,
		"add 198.18.0.102/32 on interface 2", "request 198.18.0.102", "reply 198.18.0.102",
		"del 198.18.0.100/24 on interface 2", "del 198.18.0.102/24 on interface 2")
	must(t, m.Set(after))
	wantRequests(t, k,
		"add 198.18.0.103/24 on interface 2", "request 198.18.0.103", "reply 198.18.0.103")
	if got := m.Status()[0]; got.VIP != after[0] || !got.Held || !got.Since.Equal(since) {
		t.Errorf("status is %+v, want held since %v", got, since)
	}
}

func TestConfigureRefuses(t *testing.T) {
	tests := []struct {
		name string
		vips []VIP
		want string
	}{
		{"no address", []VIP{{Interface: "eth0"}}, "VIP invalid Prefix eth0: not an address with a prefix length"},
		{"mapped", vips("::ffff:198.18.0.1/120"), "VIP ::ffff:198.18.0.1/120 eth0: not an address with a prefix length"},
		{"any", vips("0.0.0.0/0"), "VIP 0.0.0.0/0 eth0: not an address of one host on a network"},
		{"multicast", vips("ff02::1/128"), "VIP ff02::1/128 eth0: not an address of one host on a network"},
		{"loopback", vips("127.0.0.1/8"), "VIP 127.0.0.1/8 eth0: not an address of one host on a network"},
		{"no interface", []VIP{{Address: netip.MustParsePrefix("198.18.0.1/24")}}, `VIP 198.18.0.1/24 : "" names no interface`},
		{"space in the name", []VIP{{Address: netip.MustParsePrefix("198.18.0.1/24"), Interface: "eth 0"}}, `VIP 198.18.0.1/24 eth 0: "eth 0" names no interface`},
		{"long name", []VIP{{Address: netip.MustParsePrefix("198.18.0.1/24"), Interface: "sixteen-letters-"}}, `VIP 198.18.0.1/24 sixteen-letters-: "sixteen-letters-" names no interface`},
		{
			"twice", vips("198.18.0.1/24", "198.18.0.1/32"),
			"VIP 198.18.0.1/32 eth0: same address and interface as 198.18.0.1/24 eth0",
		},
		{
			"all mistakes", vips("0.0.0.0/0", "127.0.0.1/8"),
			"VIP 0.0.0.0/0 eth0: not an address of one host on a network\nVIP 127.0.0.1/8 eth0: not an address of one host on a network",
		},
	}
	for _, test := range tests {
		m := newManager(Options{}, newFakeKernel())
		err := m.Configure(test.vips)
		if want := "VIPs not valid: " + test.want; !errors.Is(err, ErrInvalid) || err.Error() != want {
			t.Errorf("%s: error %v, want %q", test.name, err, want)
		}
	}
}

// TestConfigureForgetsInterfaces: only those of VIPs are looked at.
func TestConfigureForgetsInterfaces(t *testing.T) {
	all := append(vips("198.18.0.100/24"), VIP{Address: netip.MustParsePrefix("198.18.0.101/24"), Interface: "eth1"})
	m, _ := fakeWith(t, Options{}, all)
	must(t, m.Configure(all[:1]))
	if !slices.Equal(m.names, []string{"eth0"}) {
		t.Errorf("interfaces %q, want eth0 only", m.names)
	}
}

// TestGoneBeforeItWasDropped: an address of ours that somebody removed is not ours
// when somebody puts it back.
func TestGoneBeforeItWasDropped(t *testing.T) {
	m, k := holding(t, Options{}, vips("198.18.0.100/24"))
	must(t, k.byHand(2, "198.18.0.100/24"))
	must(t, m.Configure(nil))
	k.put(2, "198.18.0.100/24")
	must(t, m.Set(nil))
	wantList(t, k, "198.18.0.100/24")
}
