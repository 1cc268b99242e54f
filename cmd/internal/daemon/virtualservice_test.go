package daemon

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

var netipValues = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

func TestServiceAsTheKernelHasIt(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("198.18.0.1:80"), netip.MustParseAddrPort("[2001:db8::1]:80")
	s := &config.Service{
		Addresses: []netip.AddrPort{v4, v6}, Protocol: "sctp", Scheduler: "mh", Options: []string{"mh-port", "mh-fallback", "ops"},
		Persistence: time.Minute, PersistencePrefix: [2]int{24, 64}, PersistenceEngine: "sip",
	}
	balancing := func(prefix int) ipvs.Balancing {
		return ipvs.Balancing{
			Scheduler: "mh", Options: ipvs.Scheduler1 | ipvs.Scheduler2 | ipvs.OnePacket,
			Persistence: ipvs.Persistence{Timeout: 60, Prefix: prefix, Engine: "sip"},
		}
	}
	servers := []ipvs.Server{{Weight: 1}}
	want := []ipvs.Service{
		{Key: ipvs.KeyOf(ipvs.SCTP, v4), Balancing: balancing(24), Servers: servers},
		{Key: ipvs.KeyOf(ipvs.SCTP, v6), Balancing: balancing(64), Servers: servers},
	}
	if diff := cmp.Diff(want, newVirtualService(s, nil).with(servers, nil), netipValues); diff != "" {
		t.Errorf("by address: -want +got:\n%s", diff)
	}
	s = &config.Service{FWMark: 7, Families: []string{"ipv4", "ipv6"}, Scheduler: "wlc"}
	want = []ipvs.Service{
		{Key: ipvs.KeyOfMark(7, ipvs.IPv4), Balancing: ipvs.Balancing{Scheduler: "wlc"}},
		{Key: ipvs.KeyOfMark(7, ipvs.IPv6), Balancing: ipvs.Balancing{Scheduler: "wlc"}},
	}
	if diff := cmp.Diff(want, newVirtualService(s, nil).with(nil, nil), netipValues); diff != "" {
		t.Errorf("by mark: -want +got:\n%s", diff)
	}
}

func TestMembersAndRulesOfAService(t *testing.T) {
	a, b, c := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80"), netip.MustParseAddrPort("10.0.0.3:80")
	gue := config.Tunnel{Kind: "gue", Port: 6080, Checksum: "remote"}
	s := &config.Service{
		Start: "up", Quorum: 3, Hysteresis: 1, Omega: true,
		SorryServer: &config.RealServer{Address: c, Weight: 1, Forward: "dr"},
		Servers: []config.RealServer{
			{Address: a, Weight: 5, Forward: "tunnel", Tunnel: gue, UpperThreshold: 9, LowerThreshold: 8, InhibitOnFailure: true},
			{Address: b, Weight: 2, Forward: "nat", Tunnel: gue, SlowStart: time.Minute},
		},
	}
	v := newVirtualService(s, nil)
	members := []ipvs.Member{
		{Server: ipvs.Server{Address: a, Weight: 5, Route: ipvs.Route{
			Forward: ipvs.Tunnel, Encapsulation: ipvs.GUE, GUEPort: 6080, Checksum: ipvs.RemoteChecksum, Upper: 9, Lower: 8,
		}}, Inhibit: true},
		{Server: ipvs.Server{Address: b, Weight: 2}, SlowStart: time.Minute},
	}
	if diff := cmp.Diff(members, v.members, netipValues); diff != "" {
		t.Errorf("members: -want +got:\n%s", diff)
	}
	sorry := &ipvs.Server{Address: c, Weight: 1, Route: ipvs.Route{Forward: ipvs.Direct}}
	rules := ipvs.Rules{StartUp: true, Quorum: 3, Hysteresis: 1, Omega: true, Sorry: sorry}
	if diff := cmp.Diff(rules, v.rules, netipValues); diff != "" {
		t.Errorf("rules: -want +got:\n%s", diff)
	}
}

func TestSettingsOfIPVS(t *testing.T) {
	for text, want := range map[string]ipvs.AtEnd{"keep": ipvs.Keep, "remove": ipvs.Remove, "flush": ipvs.Flush} {
		if got := settingsOf(&config.Config{IPVS: config.IPVS{AtEnd: text}}); got != (ipvs.Settings{AtEnd: want}) {
			t.Errorf("at_end %q: %+v", text, got)
		}
	}
	got := settingsOf(&config.Config{IPVS: config.IPVS{TCP: time.Hour, TCPFin: time.Minute, UDP: time.Second}})
	if want := (ipvs.Settings{Timeouts: ipvs.Timeouts{TCP: 3600, TCPFin: 60, UDP: 1}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestConditionIsOfAllChecks(t *testing.T) {
	known := verdicts{
		"well":  {state: passed},
		"heavy": {state: passed, weight: new(uint32(9))},
		"light": {state: passed, weight: new(uint32(2))},
		"bad":   {state: failed, reason: "failed 3 of 3: connection refused"},
		"worse": {state: failed, reason: "failed 2 of 2"},
		"new":   {reason: "has looked once"},
		"seven": {state: passed, value: 7, known: true},
		"zero":  {state: passed, known: true},
		"much":  {state: passed, value: math.MinInt32, known: true},
		"stale": {state: failed, reason: "failed 1 of 1: no such file", value: 7, known: true},
	}
	names := func(names ...string) (refs []reference) {
		for _, name := range names {
			refs = append(refs, reference{check: name})
		}
		return refs
	}
	healthy := func(added int64) ipvs.Condition { return ipvs.Condition{Health: ipvs.Healthy, Added: added} }
	down := func(reason string) ipvs.Condition { return ipvs.Condition{Health: ipvs.Failed, Reason: reason} }
	for _, tc := range []struct {
		checks []reference
		want   ipvs.Condition
	}{
		{nil, ipvs.Condition{Health: ipvs.Healthy}},
		{names("well"), ipvs.Condition{Health: ipvs.Healthy}},
		{names("well", "new"), ipvs.Condition{Reason: "check new has looked once"}},
		{names("missing"), ipvs.Condition{Reason: "check missing has no verdict yet"}},
		{names("new", "bad", "worse", "well"), ipvs.Condition{Health: ipvs.Failed, Reason: "check bad failed 3 of 3: connection refused"}},
		{names("well", "heavy", "light"), ipvs.Condition{Health: ipvs.Healthy, Weight: new(uint32(9))}},
		{[]reference{{check: "seven", weight: 2}}, healthy(14)},
		{[]reference{{check: "seven", weight: 2}, {check: "seven", weight: 3, reverse: true}, {check: "well"}}, healthy(-7)},
		{[]reference{{check: "heavy"}, {check: "seven", weight: 1}}, ipvs.Condition{Health: ipvs.Healthy, Weight: new(uint32(9)), Added: 7}},
		{[]reference{{check: "much", weight: 65535}, {check: "seven", weight: 1}}, healthy(7 - 1<<31)},
		{[]reference{{check: "much", weight: 65535, reverse: true}}, healthy(1 << 31)},
		{names("zero"), healthy(0)},
		{names("seven"), down("check seven has found 7")},
		{[]reference{{check: "zero", reverse: true}}, down("check zero is healthy, and must not be")},
		{[]reference{{check: "seven", reverse: true}}, healthy(0)},
		{[]reference{{check: "stale", weight: 2}}, down("check stale failed 1 of 1: no such file")},
		{[]reference{{check: "stale", reverse: true}}, down("check stale failed 1 of 1: no such file")},
	} {
		if diff := cmp.Diff(tc.want, conditionOf(tc.checks, known)); diff != "" {
			t.Errorf("%v: -want +got:\n%s", tc.checks, diff)
		}
	}
}

func TestConditionsOfAService(t *testing.T) {
	a, b, sorry := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80"), netip.MustParseAddrPort("10.0.0.3:80")
	s := &config.Service{
		Addresses: addrPorts("198.18.0.1:80"), Protocol: "tcp",
		Servers:     []config.RealServer{{Address: a, Checks: []config.Track{{Check: "a"}}}, {Address: b, Checks: []config.Track{{Check: "n", Weight: 3, Reverse: true}}}},
		SorryServer: &config.RealServer{Address: sorry},
	}
	had := map[ipvs.Key][]ipvs.Server{
		ipvs.KeyOf(ipvs.TCP, s.Addresses[0]): {{Address: b, Weight: 4}, {Address: netip.MustParseAddrPort("10.0.0.9:80"), Weight: 1}},
		ipvs.KeyOf(ipvs.UDP, s.Addresses[0]): {{Address: a, Weight: 3}},
	}
	orders := map[string]state.Order{"10.0.0.1:80": {Weight: new(uint32(7))}, "10.0.0.3:80": {Drain: true}}
	v := newVirtualService(s, had)
	got := v.conditions(nil, verdicts{"a": {state: failed}, "n": {state: passed, value: 2, known: true}}, orders)
	want := []ipvs.Condition{
		{Health: ipvs.Failed, Reason: "check a failed", Order: ipvs.Order{Weight: new(uint32(7))}, Active: 1},
		{Health: ipvs.Healthy, Added: -6, Present: new(uint32(4)), Active: 1},
		{Health: ipvs.Healthy, Order: ipvs.Order{Drain: true}, Active: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for server, i := range map[netip.AddrPort]int{a: 0, b: 1, sorry: 2} {
		if v.at[server] != i {
			t.Errorf("%s is at %d, want %d", server, v.at[server], i)
		}
	}
}

// A sorry server that is also one of the servers has the checks of that.
func TestSorryServerAmongTheServers(t *testing.T) {
	a := netip.MustParseAddrPort("10.0.0.1:80")
	s := &config.Service{Servers: []config.RealServer{{Address: a, Checks: []config.Track{{Check: "a"}}}}, SorryServer: &config.RealServer{Address: a}}
	got := newVirtualService(s, nil).conditions(nil, nil, nil)
	if len(got) != 1 || got[0].Health != ipvs.Unknown {
		t.Errorf("%+v", got)
	}
}

func TestSameConditions(t *testing.T) {
	is := func() ipvs.Condition {
		return ipvs.Condition{Health: ipvs.Healthy, Reason: "a", Weight: new(uint32(1)), Order: ipvs.Order{Weight: new(uint32(2))}, Active: 1}
	}
	if !sameConditions([]ipvs.Condition{is()}, []ipvs.Condition{is()}) {
		t.Error("alike, and not the same")
	}
	for name, change := range map[string]func(*ipvs.Condition){
		"health":        func(c *ipvs.Condition) { c.Health = ipvs.Failed },
		"reason":        func(c *ipvs.Condition) { c.Reason = "b" },
		"number":        func(c *ipvs.Condition) { c.Added = 1 },
		"weight":        func(c *ipvs.Condition) { c.Weight = new(uint32(9)) },
		"no weight":     func(c *ipvs.Condition) { c.Weight = nil },
		"drain":         func(c *ipvs.Condition) { c.Order.Drain = true },
		"order":         func(c *ipvs.Condition) { c.Order.Weight = new(uint32(9)) },
		"no order left": func(c *ipvs.Condition) { c.Order.Weight = nil },
	} {
		other := is()
		change(&other)
		if sameConditions([]ipvs.Condition{is()}, []ipvs.Condition{other}) || sameConditions([]ipvs.Condition{other}, []ipvs.Condition{is()}) {
			t.Errorf("with another %s it is the same", name)
		}
	}
	if sameConditions(nil, []ipvs.Condition{is()}) {
		t.Error("none is the same as one")
	}
}

func TestSinceWhenAMemberIsInItsState(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80")
	outcome := func(list ...ipvs.MemberStatus) ipvs.Outcome { return ipvs.Outcome{Members: list} }
	up := func(a netip.AddrPort, weight uint32) ipvs.MemberStatus {
		return ipvs.MemberStatus{Address: a, State: ipvs.MemberUp, Weight: weight}
	}
	first, later := time.Unix(1, 0), time.Unix(2, 0)
	r := (&ruling{}).next(outcome(up(a, 1)), first)
	r = r.next(outcome(up(a, 2), up(b, 1)), later)
	if !r.since[a].Equal(first) || !r.since[b].Equal(later) {
		t.Errorf("%v", r.since)
	}
	r = r.next(outcome(ipvs.MemberStatus{Address: b, State: ipvs.MemberDown}), time.Unix(3, 0))
	if _, kept := r.since[a]; kept || !r.since[b].Equal(time.Unix(3, 0)) {
		t.Errorf("%v", r.since)
	}
}

// At a boot all servers come up, which is nothing to tell of.
func TestWhatIsExpected(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80")
	up := func(a netip.AddrPort) ipvs.Event { return ipvs.Event{Kind: ipvs.ServerUp, Server: a} }
	quorum := ipvs.Event{Kind: ipvs.QuorumUp}
	begun := &ruling{outcome: ipvs.Outcome{
		Members: []ipvs.MemberStatus{{Address: a, State: ipvs.MemberDown}, {Address: b, State: ipvs.MemberUnknown}},
	}}
	open := &ruling{outcome: ipvs.Outcome{Members: begun.outcome.Members, Quorum: ipvs.Quorum{Open: true}}}
	for name, tc := range map[string]struct {
		before *ruling
		event  ipvs.Event
		want   bool
	}{
		"a server of a service that begins": {&ruling{}, up(a), true},
		"the quorum of one":                 {&ruling{}, quorum, true},
		"a server that was down":            {begun, up(a), false},
		"a server that was unknown":         {begun, up(b), true},
		"a quorum that was lost":            {begun, quorum, false},
		"a quorum that was open":            {open, quorum, true},
		"a server that fails at once":       {&ruling{}, ipvs.Event{Kind: ipvs.ServerDown, Server: a}, false},
		"a quorum that fails at once":       {open, ipvs.Event{Kind: ipvs.QuorumDown}, false},
	} {
		if got := tc.before.happenings([]ipvs.Event{tc.event}); !slices.Equal(got, []happening{{tc.event, tc.want}}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
