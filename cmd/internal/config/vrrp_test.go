package config

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func addresses(list ...string) (as []Address) {
	for _, s := range list {
		as = append(as, Address{Prefix: netip.MustParsePrefix(s)})
	}
	return as
}

func TestRouterDefaults(t *testing.T) {
	want := &Config{
		Node: mustParse(t, readFile(t, "testdata/ok/least.toml")).Node,
		VRRP: []VirtualRouter{{
			Name:              "gw",
			Interface:         "eth0",
			VRID:              51,
			Version:           3,
			Priority:          100,
			AdvertInterval:    time.Second,
			Addresses:         addresses("198.18.0.200/24"),
			Preempt:           true,
			VirtualMACAdverts: true,
			Accept:            true,
			TrackOwnInterface: true,
			UnicastTTL:        255,
			MulticastGroup:    netip.MustParseAddr("224.0.0.18"),
			Checksum:          "auto",
			AnswerLower:       true,
			GARPRepeat:        5,
			GARPDelay:         5 * time.Second,
			GARPRefresh:       time.Minute,
			GARPRefreshRepeat: 1,
			GARPLowerRepeat:   5,
			GARPLowerDelay:    5 * time.Second,
			Auth:              Auth{Kind: "none"},
		}},
		IPVS: IPVS{AtEnd: "keep", Nodes: "candidates"},
	}
	got := mustParse(t, readFile(t, "testdata/ok/vrrp-least.toml"))
	if diff := cmp.Diff(want, got, compareAddresses); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEveryRouterKey(t *testing.T) {
	got := mustParse(t, readFile(t, "testdata/ok/vrrp-every-key.toml"))
	if got.Node.NetNamespace != "blue" || !got.Node.LogUnknownVRIDs {
		t.Errorf("node %+v", got.Node)
	}
	if got.Fence() != "nftables" {
		t.Errorf("fence %q", got.Fence())
	}
	addr := netip.MustParseAddr
	want := VirtualRouter{
		Name:           "gw",
		Interface:      "eth0",
		VRID:           51,
		Version:        3,
		Priority:       200,
		AdvertInterval: 100 * time.Millisecond,
		Addresses: []Address{{Prefix: netip.MustParsePrefix("198.18.0.200/24")}, {
			Prefix: netip.MustParsePrefix("198.18.0.201/24"), Interface: "eth2", Label: "eth2:1", Scope: "link",
			Broadcast: addr("198.18.0.255"), NoPrefixRoute: true, Peer: addr("198.18.9.1"),
		}},
		ExcludedAddresses: []Address{
			{Prefix: netip.MustParsePrefix("198.18.0.202/24")},
			{
				Prefix: netip.MustParsePrefix("2001:db8::200/64"), Interface: "eth2", Peer: addr("2001:db8::1"),
				Preferred: true, Home: true, MngTmpAddrs: true,
			},
		},
		Preempt:           true,
		PreemptDelay:      30 * time.Second,
		StartDelay:        5 * time.Second,
		VirtualMAC:        true,
		VirtualMACName:    "web0",
		VirtualMACAddress: MAC{2, 0, 0, 0, 0, 0x51},
		Source:            addr("198.18.0.1"),
		UnicastPeers:      []UnicastPeer{{Address: addr("198.18.0.2")}, {Address: addr("198.18.0.3"), MinTTL: 254, MaxTTL: 255}},
		UnicastTTL:        64,
		Checksum:          "message-only",
		LinkDownDelay:     100 * time.Millisecond,
		LinkUpDelay:       3 * time.Second,
		TrackSource:       true,
		AnswerHigher:      true,
		GARPRepeat:        7,
		GARPDelay:         2 * time.Second,
		GARPRefreshRepeat: 2,
		GARPInterval:      time.Millisecond,
		GARPLowerDelay:    time.Second,
		Auth: Auth{
			Kind:   "hmac",
			Keys:   []AuthKey{{1, "/etc/perch/hmac-1"}, {2, "/etc/perch/hmac-2"}},
			Active: 2,
			Window: 10 * time.Second,
			Mode:   "enforce",

			AntiReplay: "time",
		},
		Routes: []Route{
			{
				Destination: netip.MustParsePrefix("0.0.0.0/0"), Via: addr("198.18.0.254"), Dev: "eth0", Source: addr("198.18.0.200"),
				Table: 100, Metric: 10, Scope: "global", OnLink: true,
			},
			{Destination: netip.MustParsePrefix("10.0.0.0/8"), Table: 254, Scope: "global", Blackhole: true},
		},
		Rules: []Rule{{
			From: netip.MustParsePrefix("198.18.0.0/24"), To: netip.MustParsePrefix("10.0.0.0/8"), IIF: "eth0", OIF: "eth1",
			FWMark: 0xffffffff, FWMask: 0xff, Table: 100, Pref: 1000,
		}},
	}
	if diff := cmp.Diff(want, got.VRRP[0], compareAddresses); diff != "" {
		t.Errorf("router (-want +got):\n%s", diff)
	}
	lan := got.VRRP[1]
	if lan.MulticastGroup != addr("224.0.1.18") {
		t.Errorf("group %v", lan.MulticastGroup)
	}
	if diff := cmp.Diff(Auth{Kind: "ah", SecretFile: "/etc/perch/vrrp"}, lan.Auth); diff != "" || lan.Preempt || lan.Version != 2 {
		t.Errorf("second router %+v\n%s", lan, diff)
	}
	if diff := cmp.Diff([]SyncGroup{{Name: "both", Members: []string{"gw", "lan"}}}, got.SyncGroups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	static := Static{
		Addresses: []Address{{
			Prefix: netip.MustParsePrefix("198.18.0.10/24"), Interface: "eth0", Label: "eth0:1", Scope: "host",
			Broadcast: addr("198.18.0.255"), NoPrefixRoute: true,
		}},
		Routes: []Route{
			{Destination: netip.MustParsePrefix("2001:db8:1::/48"), Via: addr("fe80::1"), Dev: "eth0", Table: 254, Scope: "global"},
			{Destination: netip.MustParsePrefix("10.1.0.0/16"), Dev: "eth1", Table: 254, Scope: "link"},
		},
		Rules: []Rule{{IPv6: true, To: netip.MustParsePrefix("2001:db8:1::/48"), Table: 100}},
	}
	if diff := cmp.Diff(static, got.Static, compareAddresses); diff != "" {
		t.Errorf("static (-want +got):\n%s", diff)
	}
}

// What is left out depends on what is not.
func TestSettled(t *testing.T) {
	const router = "[[vrrp]]\nname = 'gw'\ninterface = 'eth0'\nvrid = 51\nadvert_interval = '%s'\naddresses = ['%s']\nrules = [{table = 1}]\nroutes = [{destination = '%s', dev = 'eth0'}]\n" +
		"auth = {kind = 'hmac', key = [{id = 7, file = '/key'}]}\n"
	for _, tt := range []struct {
		interval, address, destination string
		window                         time.Duration
		ipv6                           bool
		scope                          string
	}{
		{"1s", "198.18.0.200/24", "10.0.0.0/8", 5 * time.Second, false, "link"},
		{"2s", "fe80::51/64", "2001:db8::/32", 6 * time.Second, true, "global"},
		{"10ms", "198.18.0.200/24", "2001:db8::/32", 5 * time.Second, false, "global"},
	} {
		r := mustParse(t, fmt.Sprintf(router, tt.interval, tt.address, tt.destination)).VRRP[0]
		if r.Auth.Active != 7 || r.Auth.Mode != "enforce" || r.Auth.AntiReplay != "time" || r.Auth.Window != tt.window {
			t.Errorf("%v: auth %+v", tt, r.Auth)
		}
		if r.IPv6() != tt.ipv6 || r.Rules[0].IPv6 != tt.ipv6 || r.Routes[0].Scope != tt.scope {
			t.Errorf("%v: rule %+v, route %+v", tt, r.Rules[0], r.Routes[0])
		}
	}
}

// Without a look at the clock there is nothing by which clocks may differ.
func TestSettledMonotonic(t *testing.T) {
	a := mustParse(t, "[[vrrp]]\nname = 'gw'\ninterface = 'eth0'\nvrid = 51\naddresses = ['198.18.0.200/24']\n"+
		"auth = {kind = 'hmac', anti_replay = 'monotonic', key = [{id = 7, file = '/key'}]}\n").VRRP[0].Auth
	if a.AntiReplay != "monotonic" || a.Window != 0 {
		t.Errorf("%+v", a)
	}
}

func TestDevices(t *testing.T) {
	router := func(vrid int, virtual bool, address string) VirtualRouter {
		return VirtualRouter{VRID: vrid, VirtualMAC: virtual, Addresses: addresses(address)}
	}
	c := &Config{VRRP: []VirtualRouter{
		router(51, true, "198.18.0.200/24"),
		router(51, false, "198.19.0.200/24"),
		router(51, true, "2001:db8::200/64"),
		router(51, true, "198.20.0.200/24"),
		router(52, true, "198.21.0.200/24"),
		router(51, true, "198.22.0.200/24"),
		router(51, true, "2001:db8:1::200/64"),
	}}
	want := []string{"vrrp.51", "", "vrrp6.51", "vrrp.51.2", "vrrp.52", "vrrp.51.3", "vrrp6.51.2"}
	if diff := cmp.Diff(want, c.Devices()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c.VRRP[0].VirtualMACName, c.VRRP[5].VirtualMACName = "web0", "vrrp.51"
	want[0], want[3], want[5] = "web0", "vrrp.51.2", "vrrp.51"
	if diff := cmp.Diff(want, c.Devices()); diff != "" {
		t.Errorf("with names: -want +got:\n%s", diff)
	}
	// The kernel takes names of 15 bytes.
	many := &Config{}
	for range 10_000 {
		many.VRRP = append(many.VRRP, router(255, true, "fe80::1/64"))
	}
	if last := many.Devices()[9998]; last != "vrrp6.255.9999" || len(last) > 15 {
		t.Errorf("device %q", last)
	}
}

func TestGroupOf(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/sync-group.toml"))
	for router, want := range map[string]string{"gw": "both", "lan": "both", "other": ""} {
		if got := c.SyncGroup(router); got != want {
			t.Errorf("SyncGroup(%q) = %q, want %q", router, got, want)
		}
	}
}

func TestFence(t *testing.T) {
	for file, want := range map[string]string{"every-key": "nftables", "vrrp-least": "auto", "vrrp-every-key": "nftables", "vrrp-beside-cluster": "auto"} {
		if got := mustParse(t, readFile(t, "testdata/ok/"+file+".toml")).Fence(); got != want {
			t.Errorf("%s: fence %q, want %q", file, got, want)
		}
	}
}

// The family of a router without addresses is what is said, or else what its other
// addresses are of.
func TestRoutersWithoutAddresses(t *testing.T) {
	c := mustParse(t, readFile(t, "testdata/ok/vrrp-no-addresses.toml"))
	want := map[string]bool{"four": false, "six": true, "source": true, "peers": true, "excluded": true, "group": true, "mac": true}
	got := map[string]bool{}
	for i := range c.VRRP {
		r := &c.VRRP[i]
		got[r.Name] = r.IPv6()
		if len(r.Addresses) > 0 {
			t.Errorf("%s has %v", r.Name, r.Addresses)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("IPv6 (-want +got):\n%s", diff)
	}
	if group := c.VRRP[1].MulticastGroup; group != netip.MustParseAddr("ff02::12") {
		t.Errorf("group %v", group)
	}
	if d := c.Devices()[6]; d != "vrrp6.6" {
		t.Errorf("device %q", d)
	}
}
