package bgp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/google/seesaw/quagga"
)

// config is what bgpd answers to `write terminal`.
const config = `Building configuration...

Current configuration:
!
frr version 8.4.4
frr defaults traditional
hostname r1
!
router bgp 65001
 bgp router-id 10.1.0.1
 no bgp ebgp-requires-policy
 neighbor 10.1.0.254 remote-as 65000
 !
 address-family ipv4 unicast
  network 198.18.0.100/32 route-map perch-settled
  network 198.18.0.101/32
  network 198.18.0.102/32 route-map THEIRS
  network 203.0.113.0/24
 exit-address-family
 !
 address-family ipv4 multicast
  network 198.18.0.103/32
 exit-address-family
 !
 address-family ipv6 unicast
  network 2001:db8::100/128
  neighbor 2001:db8:1::fe activate
 exit-address-family
exit
!
router bgp 65001 vrf blue
 !
 address-family ipv4 unicast
  network 198.18.0.104/32
 exit-address-family
exit
!
route-map perch-settled permit 10
 set origin incomplete
exit
!
end
`

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestParseRunning(t *testing.T) {
	got := parseRunning(config, 65001, 7)
	want := running{instance: true, others: true, metric: 7, routeMaps: map[standing]bool{settled: true}, networks: map[netip.Prefix]string{
		netip.MustParsePrefix("198.18.0.100/32"):   "perch-settled",
		netip.MustParsePrefix("198.18.0.101/32"):   "",
		netip.MustParsePrefix("198.18.0.102/32"):   "THEIRS",
		netip.MustParsePrefix("203.0.113.0/24"):    "",
		netip.MustParsePrefix("2001:db8::100/128"): "",
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(running{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestParseRunningOfInstance(t *testing.T) {
	for _, c := range []struct {
		text                string
		asn                 uint32
		instance, unchecked bool
	}{
		{"", 65001, false, false},
		{"router bgp 65002\n", 65001, false, false},
		{"router bgp 65001\n", 65001, true, false},
		{"router bgp 65001 vrf blue\n", 65001, false, false},
		{"router bgp 65001 view blue\n", 65001, false, false},
		{"router bgp 65001 as-notation plain\n", 65001, true, false},
		{"router bgp 1.10\n", 65546, true, false},
		{"router bgp 65001\n no bgp network import-check\nexit\n", 65001, true, true},
		{"router bgp 65002 vrf blue\n no bgp network import-check\nexit\nrouter bgp 65001\n", 65001, true, false},
	} {
		got := parseRunning(c.text, c.asn, 7)
		if got.instance != c.instance || got.unchecked != c.unchecked {
			t.Errorf("%q: instance %v, unchecked %v", c.text, got.instance, got.unchecked)
		}
	}
}

func TestPlan(t *testing.T) {
	r := parseRunning(config, 65001, 7)
	ours := setOf(prefixes("198.18.0.100/32", "198.18.0.101/32", "198.18.0.102/32", "2001:db8::100/128", "198.18.0.105/32"))
	want := networks{
		netip.MustParsePrefix("198.18.0.101/32"): settled, // it is fresh
		netip.MustParsePrefix("198.18.0.102/32"): fresh,   // has another's route-map
		netip.MustParsePrefix("198.18.0.105/32"): fresh,   // is not there
	}
	got := commands(65001, running{metric: 7}, []standing{fresh, settled}, plan(want, ours, r))
	if diff := cmp.Diff([]string{
		"configure terminal",
		"route-map perch-fresh permit 10", "set metric 7",
		"route-map perch-settled permit 10", "set origin incomplete",
		"router bgp 65001",
		"address-family ipv4 unicast",
		"network 198.18.0.101/32 route-map perch-settled",
		"network 198.18.0.105/32 route-map perch-fresh",
		"no network 198.18.0.100/32",
		"address-family ipv6 unicast",
		"no network 2001:db8::100/128",
		"end",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlanDefinesTheRouteMapsItNeeds(t *testing.T) {
	r := parseRunning(config, 65001, 7)
	want := networks{netip.MustParsePrefix("198.18.0.100/32"): leaving, netip.MustParsePrefix("198.18.0.101/32"): settled}
	steps := plan(want, set{}, r)
	if diff := cmp.Diff([]string{
		"configure terminal",
		"route-map perch-leaving permit 10", "set origin incomplete", "set as-path prepend 65001",
		"router bgp 65001",
		"address-family ipv4 unicast",
		"network 198.18.0.100/32 route-map perch-leaving",
		"network 198.18.0.101/32 route-map perch-settled",
		"end",
	}, commands(65001, r, []standing{settled, leaving}, steps)); diff != "" {
		t.Error(diff)
	}
	want[netip.MustParsePrefix("198.18.0.101/32")] = leaving
	next := r.after([]standing{settled, leaving}, steps)
	again := commands(65001, next, []standing{settled, leaving}, plan(want, set{}, next))
	if slices.ContainsFunc(again, func(line string) bool { return strings.HasPrefix(line, "route-map ") }) {
		t.Errorf("commands %q define what is there", again)
	}
}

func TestParseRouteMaps(t *testing.T) {
	const whole = "route-map perch-leaving permit 10\n set origin incomplete\n set as-path prepend 65001\nexit\n"
	for text, want := range map[string]bool{
		"":    false,
		whole: true,
		"route-map perch-leaving permit 10\n set as-path prepend 65001\n set origin incomplete\nexit\n": true,
		"route-map perch-leaving permit 10\nexit\n":                                                     false,
		"route-map perch-leaving permit 10\n set origin incomplete\nexit\n":                             false,
		strings.ReplaceAll(whole, "permit 10", "permit 20"):                                             false,
		strings.ReplaceAll(whole, "65001", "65002"):                                                     false, // of an earlier ASN
		"route-map perch-leaving permit 10\nexit\n" + strings.ReplaceAll(whole, "perch-", "my-"):        false,
	} {
		if got := parseRunning(text, 65001, 7).routeMaps[leaving]; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// A fresh route of an earlier term is told anew.
func TestFreshRouteOfAnEarlierTerm(t *testing.T) {
	const text = "router bgp 65001\n address-family ipv4 unicast\n  network 198.18.0.100/32 route-map perch-fresh\n" +
		" exit-address-family\nexit\nroute-map perch-fresh permit 10\n set metric 8\nexit\n"
	want := networks{netip.MustParsePrefix("198.18.0.100/32"): fresh}
	for metric, redefines := range map[uint32]bool{7: true, 8: false} {
		r := parseRunning(text, 65001, metric)
		got := commands(65001, r, []standing{fresh}, plan(want, set{}, r))
		if slices.Contains(got, "set metric 7") != redefines || len(got) > 0 != redefines {
			t.Errorf("metric %d: commands %q", metric, got)
		}
	}
}

func TestPlanOfNothing(t *testing.T) {
	r := parseRunning(config, 65001, 7)
	ours := setOf(prefixes("198.18.0.100/32", "198.18.0.101/32"))
	want := networks{netip.MustParsePrefix("198.18.0.100/32"): settled, netip.MustParsePrefix("198.18.0.101/32"): alike}
	if got := commands(65001, r, nil, plan(want, ours, r)); got != nil {
		t.Errorf("commands %q, want none", got)
	}
}

func TestAfterIsWhatThePlanWants(t *testing.T) {
	r := parseRunning(config, 65001, 7)
	ours := setOf(prefixes("198.18.0.100/32", "198.18.0.101/32", "2001:db8::100/128"))
	want := networks{netip.MustParsePrefix("198.18.0.101/32"): settled, netip.MustParsePrefix("198.18.0.107/32"): fresh}
	next := r.after(mapped(), plan(want, ours, r))
	if steps := plan(want, ours, next); len(steps) > 0 {
		t.Errorf("steps left: %v", steps)
	}
	if _, stays := next.networks[netip.MustParsePrefix("203.0.113.0/24")]; !stays {
		t.Error("a network of the operator's is gone")
	}
}

func TestParseNeighbors(t *testing.T) {
	text := `{"ipv4Unicast":{"peers":{
		"10.1.0.254":{"remoteAs":65000,"peerUptimeEstablishedEpoch":1795794528,"pfxRcd":3,"state":"Established"},
		"2001:db8::fe":{"remoteAs":65000,"peerUptimeEstablishedEpoch":0,"pfxRcd":0,"state":"Idle (Admin)"}}},
	 "ipv6Unicast":{"peers":{
		"10.1.0.254":{"remoteAs":65000,"peerUptimeEstablishedEpoch":1795794528,"pfxRcd":2,"state":"Established"}}}}`
	got, err := parseNeighbors(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Neighbor{
		{Name: "10.1.0.254", ASN: 65000, State: quagga.BGPStateEstablished, Established: time.Unix(1795794528, 0), Received: 5},
		{Name: "2001:db8::fe", ASN: 65000, State: quagga.BGPStateIdle},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := parseNeighbors("% No BGP neighbors found"); err == nil || !strings.Contains(err.Error(), "read bgpd's neighbors") {
		t.Errorf("error %v", err)
	}
}

// Routers of the AS take no route that has the AS in its path.
func TestLeavingInTheSameAS(t *testing.T) {
	for line, internal := range map[string]bool{
		"neighbor 10.1.0.254 remote-as 65001":            true,
		"neighbor 10.1.0.254 remote-as 0.65001":          true,
		"neighbor 10.1.0.254 remote-as internal":         true,
		"neighbor eth0 interface remote-as internal":     true,
		"neighbor eth0 interface v6only remote-as 65001": true,
		"neighbor RACK remote-as auto":                   true, // it may be
		"neighbor 10.1.0.254 remote-as 65000":            false,
		"neighbor eth0 interface remote-as external":     false,
		"neighbor 10.1.0.254 description remote-as":      false,
		"neighbor 10.1.0.254 peer-group RACK":            false,
		"bgp listen range 10.1.0.0/24 peer-group RACK":   false,
	} {
		text := "router bgp 65001\n " + line + "\n !\n address-family ipv4 unicast\n  network 198.18.0.100/32\n exit-address-family\nexit\n"
		r := parseRunning(text, 65001, 7)
		got := commands(65001, r, []standing{leaving}, plan(networks{netip.MustParsePrefix("198.18.0.100/32"): leaving}, set{}, r))
		if slices.Contains(got, "set local-preference 0") != internal || slices.Contains(got, "set as-path prepend 65001") == internal {
			t.Errorf("%s: commands %q", line, got)
		}
		// What was defined before there was such a neighbor is told anew.
		r = parseRunning(text+"route-map perch-leaving permit 10\n set origin incomplete\n set local-preference 0\n set as-path prepend 65001\nexit\n", 65001, 7)
		if r.routeMaps[leaving] == internal {
			t.Errorf("%s: a route-map with a longer path is taken for good: %v", line, !internal)
		}
	}
	const other = "router bgp 65001\nexit\nrouter bgp 65001 vrf blue\n neighbor 10.1.0.254 remote-as 65001\nexit\n"
	if parseRunning(other, 65001, 7).internal {
		t.Error("a neighbor of another instance counts")
	}
}

// FRR 9 has `router bgp 1.10 as-notation dot`.
func TestNeighborsInDotNotation(t *testing.T) {
	got, err := parseNeighbors(`{"ipv4Unicast":{"peers":{"10.1.0.254":{"remoteAs":"1.10","state":"Established"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ASN != 65546 || !got[0].Up() {
		t.Errorf("neighbors %+v", got)
	}
	if _, err := parseNeighbors(`{"ipv4Unicast":{"peers":{"10.1.0.254":{"remoteAs":"1.10.1"}}}}`); err == nil {
		t.Error("no error for what is no AS number")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	for _, want := range []time.Duration{100, 200, 400, 800, 1600, 3000, 3000} {
		if got := b.failed(); got != want*time.Millisecond {
			t.Errorf("pause %v, want %v", got, want*time.Millisecond)
		}
	}
	b.succeeded()
	if got := b.failed(); got != firstPause {
		t.Errorf("pause %v after a success", got)
	}
}
