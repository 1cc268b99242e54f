package config

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBGP(t *testing.T) {
	v4 := VIP{Address: netip.MustParsePrefix("198.18.1.100/32"), Interface: "lo"}
	v6 := VIP{Address: netip.MustParsePrefix("2001:db8:1::100/128"), Interface: "lo"}
	rest := VIP{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}
	every := readFile(t, "testdata/ok/bgp-every-key.toml")
	for _, c := range []struct {
		name, text       string
		owned, announced []VIP
	}{
		{"anycast", every, []VIP{rest}, []VIP{v4, v6}},
		{"owner", strings.Replace(every, "anycast = true", "anycast = false", 1), []VIP{v4, v6, rest}, []VIP{v4, v6}},
		{"alone", readFile(t, "testdata/ok/bgp-alone.toml"), nil, []VIP{v4}},
	} {
		got := mustParse(t, c.text)
		if diff := cmp.Diff(c.owned, got.VIPs, compareAddresses); diff != "" {
			t.Errorf("%s: VIPs of the cluster (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.announced, got.BGP.VIPs, compareAddresses); diff != "" {
			t.Errorf("%s: announced (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBGPKeys(t *testing.T) {
	got := mustParse(t, readFile(t, "testdata/ok/bgp-every-key.toml")).BGP
	if got.Socket != "/run/frr/bgpd.vty" || got.ASN != 4_200_000_001 || !got.Anycast || len(got.Only) != 2 {
		t.Errorf("%+v", got)
	}
	if len(got.Track) != 2 || got.Track[0].Check != "rack" {
		t.Errorf("track %+v", got.Track)
	}
	got = mustParse(t, readFile(t, "testdata/ok/bgp-alone.toml")).BGP
	if got.Socket != "/var/run/frr/bgpd.vty" || got.Anycast != true {
		t.Errorf("defaults %+v", got)
	}
}
