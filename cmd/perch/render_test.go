package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/api"
)

var now = time.Date(2026, 1, 12, 3, 4, 5, 0, time.UTC)

// golden compares got with a file of testdata/render, or writes it. The escape
// character is shown as ␛.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\x1b", "␛")
	path := filepath.Join("testdata", "render", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// healthy is a cluster of two nodes and a witness with nothing to remark on.
func healthy() api.Status {
	return api.Status{
		Node: "lb2", Version: "v0.1.0",
		Cluster: &api.Cluster{
			Name: "edge", State: api.StateOK, Leader: "lb1", Term: 7, Quorum: true,
			Nodes: []api.Node{
				{Name: "lb1", Address: "198.18.0.1:7400", Role: api.RoleLeader, Voter: true, Healthy: true, Fence: "bpf", Priority: 100, Version: "v0.1.0"},
				{Name: "lb2", Address: "[2001:db8::2]:7400", Role: api.RoleFollower, Voter: true, Healthy: true, Fence: "bpf", Priority: 50, Version: "v0.1.0"},
				{Name: "w", Address: "198.18.0.3:7400", Role: api.RoleWitness, Voter: true, Healthy: true, Fence: "bpf", Priority: 1, Version: "v0.1.0"},
			},
		},
		VIPs: []api.VIP{
			{Address: "198.18.0.100/24", Interface: "eth0", Owner: "lb1", Held: true, Since: now.Add(-26 * time.Hour), Reason: "lb2 was stopped"},
			{Address: "2001:db8::100/64", Interface: "eth0", Owner: "lb1", Held: true, Since: now.Add(-3 * time.Minute), Reason: "lb2 was stopped", Readded: 2},
		},
	}
}

// troubled has one of everything that should catch the eye.
func troubled() api.Status {
	s := healthy()
	s.Cluster.State, s.Cluster.Leader, s.Cluster.Quorum, s.Cluster.Refused = api.StateElecting, "", false, 12
	n := s.Cluster.Nodes
	n[0].Role, n[0].Healthy, n[0].Version, n[0].Error = api.RoleUnreachable, false, "", "dial tcp 198.18.0.1:7400: i/o timeout"
	n[1].Role, n[1].Healthy, n[1].Drained = api.RoleCandidate, false, true
	n[2].Voter = false
	s.VIPs[0] = api.VIP{Address: "198.18.0.100/24", Interface: "eth0", Reason: "no node leads"}
	s.VIPs[1].Held = false
	s.VIPs[1].Conflict = &api.Conflict{MAC: "02:00:00:00:00:66", Count: 12, Last: now, Ongoing: true}
	n[1].Mended = &api.Mended{Count: 3, Last: now.Add(-130 * time.Second), Interface: "eth0", Found: "its qdisc deleted"}
	n[2].Mended = &api.Mended{Count: 1, Last: now.Add(-time.Second), Found: "its nftables tables changed: table inet perch: deleted"}
	s.Warnings = []string{"no majority: lb2 reaches 1 of 3 nodes, itself included, and 2 are needed", "not answering: lb1"}
	return s
}

// hostile is what a peer or a file should not be able to do to a terminal.
func hostile() api.Status {
	s := healthy()
	s.Node = "lb2\x1b[2J"
	s.Cluster.Name = "edge\r\n"
	s.Cluster.Nodes[0].Error = "\x1b]0;owned\x07 \u202egnp.exe"
	s.Cluster.Nodes[1].Mended = &api.Mended{Count: 1, Last: now, Interface: "e\x1b[2Jth0", Found: "filter \"\r\""}
	s.VIPs[0].Reason = "first\nsecond\tthird"
	s.Warnings = []string{"\x1b[31mred\x1b[0m"}
	return s
}

// routers are three virtual routers without a cluster, of which one is the master.
func routers() api.Status {
	dropped := map[string]uint64{"bad version": 12, "bad checksum": 3}
	return api.Status{
		Node: "lb1", Version: "v0.1.0", Promise: api.Promise,
		VRRP: []api.VirtualRouter{
			{
				Name: "gw", VRID: 51, Interface: "eth0", Version: 3, Family: "ipv4", State: api.StateMaster, Priority: 200, EffectivePriority: 200,
				Master: "198.18.0.1", Since: now.Add(-3 * time.Minute), Reason: "no master was heard", Fence: "bpf",
				Addresses: []api.HeldAddress{
					{Address: "198.18.0.200/24", Interface: "eth0", Held: true},
					{Address: "198.18.0.201/24", Interface: "eth0", Held: true, Readded: 2, Conflict: &api.Conflict{MAC: "02:00:00:00:00:66", Count: 12, Last: now}},
				},
				Routes: []api.HeldRoute{
					{Route: "0.0.0.0/0 via 198.18.0.254 dev eth0 table 100", Held: true},
					{Route: "rule from 198.18.0.0/24 table 100", Reason: "operation not permitted"},
				},
				Heard: []api.HeardFrom{{Address: "198.18.0.9", Version: 2, Priority: 150, AdvertInterval: "1s", Dropped: dropped, Advice: "its version is 2, ours 3: set version = 2 here, or 3 there"}},
			},
			{
				Name: "lan", VRID: 52, Interface: "eth1", Version: 3, Family: "ipv4", State: api.StateBackup, Priority: 100, EffectivePriority: 100,
				Master: "198.19.0.2", Since: now.Add(-26 * time.Hour), Reason: "198.19.0.2 has priority 200", Fence: "bpf",
				Addresses: []api.HeldAddress{{Address: "198.19.0.200/24", Interface: "eth1"}},
				Adverts:   api.Adverts{Late: 2},
				Heard:     []api.HeardFrom{{Address: "198.19.0.2", Version: 3, Priority: 200, AdvertInterval: "1s"}},
			},
			{
				Name: "gw6", VRID: 51, Interface: "eth2", Version: 3, Family: "ipv6", State: api.StateFault, Priority: 100,
				Since: now.Add(-time.Second), Reason: "eth2 is down", Fence: "bpf",
				Addresses: []api.HeldAddress{{Address: "fe80::51/64", Interface: "vrrp6.51"}, {Address: "2001:db8::200/64", Interface: "vrrp6.51"}},
			},
			{
				Name: "new", VRID: 53, Interface: "eth3", Version: 2, Family: "ipv4", State: api.StateInit, Priority: 100, EffectivePriority: 100,
				Reason: "eth3 is waited for", Fence: "bpf",
			},
		},
		Unknown: []api.UnknownRouter{
			{Interface: "eth0", VRID: 77, Address: "198.18.0.77", Version: 2, Priority: 100, AdvertInterval: "1s", Last: now},
			{Interface: "eth2", VRID: 52, Address: "fe80::52", Version: 3, Priority: 255, AdvertInterval: "10ms", Last: now.Add(-time.Minute)},
		},
		Static: &api.Static{
			Addresses: []api.HeldAddress{{Address: "198.18.0.10/24", Interface: "eth0", Held: true}},
			Routes:    []api.HeldRoute{{Route: "10.0.0.0/8 via 198.18.0.254", Reason: "network is unreachable"}},
		},
		Warnings: []string{"eth2 is down"},
	}
}

// beside is a cluster and a virtual router on one node.
func beside() api.Status {
	s := healthy()
	s.Promise, s.VRRP = api.Promise, routers().VRRP[1:2]
	return s
}

// hostileRouters is what a stranger on the network could have heard.
func hostileRouters() api.Status {
	s := routers()
	s.VRRP[0].Reason = "\x1b[2J\n"
	s.VRRP[0].Heard[0].Advice = "\x1b]0;owned\x07"
	s.VRRP[0].Addresses[0].Reason = "first\nsecond"
	s.VRRP[0].Routes[0].Route = "\x1b[2J"
	s.Static.Routes[0].Reason = "\r"
	return s
}

func TestRenderStatus(t *testing.T) {
	tests := []struct {
		name   string
		status api.Status
		view   view
	}{
		{"healthy", healthy(), view{now: now, paint: noColour}},
		{"healthy-colour", healthy(), view{now: now, paint: ansiColour}},
		{"troubled", troubled(), view{now: now, paint: noColour}},
		{"troubled-colour", troubled(), view{now: now, paint: ansiColour}},
		{"troubled-narrow", troubled(), view{now: now, paint: noColour, width: 80}},
		{"troubled-narrow-colour", troubled(), view{now: now, paint: ansiColour, width: 80}},
		{"hostile", hostile(), view{now: now, paint: noColour}},
		{"no-cluster", api.Status{Node: "lb1"}, view{now: now, paint: noColour}},
		{"routers", routers(), view{now: now, paint: noColour}},
		{"routers-colour", routers(), view{now: now, paint: ansiColour}},
		{"routers-narrow", routers(), view{now: now, paint: noColour, width: 80}},
		{"routers-beside-cluster", beside(), view{now: now, paint: noColour}},
		{"routers-hostile", hostileRouters(), view{now: now, paint: noColour}},
		{"no-vips", api.Status{Node: "lb1", Cluster: &api.Cluster{Name: "edge", State: api.StateNoQuorum}}, view{now: now, paint: noColour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := renderStatus(tt.status, tt.view)
			golden(t, tt.name, text)
		})
	}
}

// longNames is a cluster whose names and addresses are as long as they may be.
func longNames() api.Status {
	s := troubled()
	s.Cluster.Name = strings.Repeat("c", 64)
	for i := range s.Cluster.Nodes {
		n := &s.Cluster.Nodes[i]
		n.Name, n.Address = strings.Repeat(n.Name, 64)[:64], "[2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:7400"
	}
	s.VIPs[1].Owner, s.VIPs[1].Address = s.Cluster.Nodes[0].Name, "2001:db8:ffff:eeee:dddd:cccc:bbbb:100/64"
	return s
}

// On a screen of 80 columns and 24 rows there is whether all is well, who owns and holds what, and
// what to do, whatever the names are.
func TestScreenHasWhatMatters(t *testing.T) {
	text := renderScreen(longNames(), view{now: now, paint: noColour, width: 80})
	golden(t, "screen-long", text)
	seen := strings.Join(strings.Split(text, "\n")[:22], "\n")
	for _, part := range []string{"electing", "no leader", "no quorum", "warning: no majority", "warning: not answering", "unreachable", "sick"} {
		if !strings.Contains(seen, part) {
			t.Errorf("the first 22 lines lack %q:\n%s", part, seen)
		}
	}
	for _, part := range []string{"OWNER", "HELD", "nobody", " no ", "claimed by"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing:\n%s", part, text)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"ab cd", 0, "ab cd"},
		{"ab cd", 5, "ab cd"},
		{"ab cd", 4, "ab\ncd"},
		{"abc de fgh", 6, "abc de\nfgh"},
		{"äbcdefg", 3, "äbc\ndef\ng"},
		{"a bcdefghi", 6, "a bcde\nfghi"}, // a space near the beginning is none to break at
	} {
		if got := wrap(tt.text, tt.width); got != tt.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for width, want := range map[int]string{10: "2001:db8::", 9: "2001…b8::", 6: "20…8::", 1: "…"} {
		if got := middle("2001:db8::", width); got != want {
			t.Errorf("in %d columns %q, want %q", width, got, want)
		}
	}
}

// A line that wraps would spoil the screen of status --watch.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for _, s := range []api.Status{healthy(), troubled(), hostile(), routers(), hostileRouters(), beside(), longNames()} {
		for width := 1; width <= 120; width++ {
			for line := range strings.Lines(renderStatus(s, view{now: now, paint: noColour, width: width})) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
					t.Errorf("a line has %d columns, over %d: %q", n, width, line)
				}
			}
		}
	}
}

// Whoever makes up routers does not make the status longer without end.
func TestRenderManyUnknownRouters(t *testing.T) {
	s := routers()
	s.Unknown = make([]api.UnknownRouter, 256)
	text := renderStatus(s, view{now: now, paint: noColour})
	if n := strings.Count(text, "which no router of this node has there"); n != maxUnknown || !strings.Contains(text, "and 236 more of VRIDs") {
		t.Errorf("%d are named:\n%s", n, text)
	}
}

func TestRenderHistory(t *testing.T) {
	moves := []api.Move{
		{Time: now.Add(-240 * time.Hour), Term: 2, To: "lb1", Reason: "lb1 was elected"},
		{Time: now, Term: 13, From: "lb1", To: "lb2-long-name", Reason: "lb1 was\x1b[2J stopped", Outage: 2_600_000, OutageKnown: api.OutageAbout},
		{Time: now, Term: 14, To: "lb1", Reason: "lost contact", Outage: 171_349_000, OutageKnown: api.OutageAtMost},
	}
	golden(t, "history", renderHistory(moves, view{now: now, paint: noColour}))
	golden(t, "history-colour", renderHistory(moves, view{now: now, paint: ansiColour}))
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:                          "0s", // its clock is ahead of ours
		0:                                   "0s",
		999 * time.Millisecond:              "0s",
		59 * time.Second:                    "59s",
		time.Minute:                         "1m00s",
		59*time.Minute + 59*time.Second:     "59m59s",
		time.Hour + 5*time.Minute:           "1h05m",
		24*time.Hour - 1:                    "23h59m",
		24 * time.Hour:                      "1d0h",
		400*24*time.Hour + 13*time.Hour + 1: "400d13h",
	} {
		if got := age(now.Add(-d), now); got != want {
			t.Errorf("age of %v is %q, want %q", d, got, want)
		}
	}
	if got := age(time.Time{}, now); got != "" {
		t.Errorf("age of no time is %q", got)
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		text          string
		column, width int
		want          string
	}{
		{"abc", 0, 0, "abc"},
		{"abc", 100, 0, "abc"},
		{"abc", 0, 3, "abc"},
		{"abcd", 0, 3, "ab…"},
		{"äöüß", 1, 4, "äö…"},
		{"abc", 3, 4, "…"},
		{"abc", 4, 4, ""},
		{"abc", 9, 4, ""},
	}
	for _, tt := range tests {
		if got := fit(tt.text, tt.column, tt.width); got != tt.want {
			t.Errorf("fit(%q, %d, %d) = %q, want %q", tt.text, tt.column, tt.width, got, tt.want)
		}
	}
}
