package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// voiceOf is what a node with a config says of itself.
func voiceOf(name string, c config.Cluster, vips ...string) voice {
	cfg := &config.Config{Cluster: &c}
	r := api.NodeReport{Node: name, Version: "1.0", Fence: "bpf"}
	for _, v := range vips {
		p := netip.MustParsePrefix(v)
		cfg.VIPs = append(cfg.VIPs, config.VIP{Address: p, Interface: "eth-" + name})
		r.VIPs = append(r.VIPs, api.VIP{Address: p.String()})
	}
	r.Settings = commonSettings(cfg)
	return voice{name: name, report: r}
}

func trio() []voice {
	c := config.Cluster{Name: "edge", Preempt: true, PreemptDelay: 30 * time.Second, WhenUnhealthy: "keep", Peers: threePeer}
	list := []voice{
		voiceOf("lb1", c, "198.18.0.100/24", "198.18.0.101/24"),
		voiceOf("lb2", c, "198.18.0.101/24", "198.18.0.100/24"),
		voiceOf("w", c),
	}
	list[2].witness = true
	return list
}

// with changes a config of trio's and says it with the same VIPs.
func with(v *voice, change func(*config.Cluster), vips ...string) {
	c := config.Cluster{Name: "edge", Preempt: true, PreemptDelay: 30 * time.Second, WhenUnhealthy: "keep", Peers: slices.Clone(threePeer)}
	change(&c)
	if vips == nil {
		vips = []string{"198.18.0.100/24", "198.18.0.101/24"}
	}
	witness := v.witness
	*v = voiceOf(v.name, c, vips...)
	v.witness = witness
}

func same(*config.Cluster) {}

func TestDisagreements(t *testing.T) {
	for _, tt := range []struct {
		name   string
		leader string
		change func(v []voice)
		want   []string
	}{
		{"alike, in any order and on other interfaces", "lb1", func([]voice) {}, nil},
		{"a VIP is missing", "lb1", func(v []voice) { with(&v[1], same, "198.18.0.100/24") }, []string{
			"lb2 has no 198.18.0.101/24: its config lists 1 VIP, that of lb1 2; make the files alike and run `perch reload` on lb2",
		}},
		{"the leader is right of two", "lb2", func(v []voice) { with(&v[1], same, "198.18.0.100/24") }, []string{
			"lb1 has 198.18.0.101/24, which lb2 has not: its config lists 2 VIPs, that of lb2 1; make the files alike and run `perch reload` on lb1",
		}},
		{"more are right, against the leader", "lb1", func(v []voice) {
			with(&v[0], same, "198.18.0.100/24")
			v[2].witness = false
			with(&v[2], same)
		}, []string{
			"lb1 has no 198.18.0.101/24: its config lists 1 VIP, that of lb2 2; make the files alike and run `perch reload` on lb1",
		}},
		{"both", "lb1", func(v []voice) { with(&v[1], same, "198.18.0.100/25", "198.18.0.101/24") }, []string{
			"lb2 has no 198.18.0.100/24, and has 198.18.0.100/25, which lb1 has not: its config lists 2 VIPs, that of lb1 2; make the files alike and run `perch reload` on lb2",
		}},
		{"in the middle of a reload", "lb1", func(v []voice) {
			with(&v[1], same, "198.18.0.100/24")
			v[1].report.VIPs = v[0].report.VIPs
		}, []string{
			"lb2 has other VIPs than lb1: its config lists 1 VIP, that of lb1 2; make the files alike and run `perch reload` on lb2",
		}},
		{"a version that does not tell", "lb1", func(v []voice) {
			v[1].report = api.NodeReport{Version: "0.9", Fence: "bpf"}
		}, []string{"versions differ, 1.0 on lb1, w, 0.9 on lb2: install the same version on all nodes"}},
		{"values", "lb1", func(v []voice) {
			with(&v[1], func(c *config.Cluster) {
				c.Preempt, c.PreemptDelay, c.WhenUnhealthy = false, time.Minute, "release"
			})
		}, []string{
			"cluster.preempt is true on lb1, w, false on lb2: make the files alike and run `perch reload`",
			"cluster.preempt_delay is 30s on lb1, w, 1m0s on lb2: make the files alike and run `perch reload`",
			"cluster.when_unhealthy is keep on lb1, w, release on lb2: make the files alike and run `perch reload`",
		}},
		{"a key that a version does not know", "lb1", func(v []voice) {
			v[1].report.Settings.Values = map[string]string{"cluster.new": "1", "cluster.preempt": "true"}
		}, nil},
		{"priority, witness and address of a peer", "lb1", func(v []voice) {
			with(&v[1], func(c *config.Cluster) { c.Peers[0].Priority, c.Peers[2].Witness = 7, false })
		}, []string{
			"lb2 has other values of lb1 (198.18.0.1:7400, priority 7; on lb1 198.18.0.1:7400, priority 100), " +
				"w (198.18.0.3:7400, priority 100; on lb1 198.18.0.3:7400, priority 100, witness): make the lists of peers alike and restart perch on lb2",
		}},
		{"a peer is missing, and another is there", "lb1", func(v []voice) {
			with(&v[1], func(c *config.Cluster) { c.Peers[2].Name = "w2" })
		}, []string{"lb2 does not list w, as lb1 does, lb2 lists w2, which lb1 does not: make the lists of peers alike and restart perch on lb2"}},
		{"fences that end alike", "lb1", func(v []voice) { v[1].report.Fence = "nftables" }, nil},
		{"fences", "lb1", func(v []voice) { v[1].report.Fence = "lifetime" }, []string{
			"the fence is bpf on lb1, lifetime on lb2: a node expects of the others what its own does, so that two may answer for a VIP after a failure; give all the same cluster.fence and restart perch",
		}},
		{"that of a witness, which holds nothing", "lb1", func(v []voice) { v[2].report.Fence = "off" }, nil},
	} {
		voices := trio()
		tt.change(voices)
		if got := disagreements(tt.leader, nil, voices); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A node that joins is the first to list itself, and right: the files of the others are behind.
// One that was removed is listed by the others no more.
func TestPeersAreThoseOfTheMembers(t *testing.T) {
	voices := trio()
	with(&voices[1], func(c *config.Cluster) {
		c.Peers = append(c.Peers, config.Peer{Name: "lb9", Address: netip.MustParseAddrPort("198.18.0.9:7400"), Priority: 100})
	})
	got := disagreements("lb1", []string{"lb1", "lb2", "lb9", "w"}, voices)
	want := []string{
		"lb1 does not list lb9, as lb2 does: make the lists of peers alike and restart perch on lb1",
		"w does not list lb9, as lb2 does: make the lists of peers alike and restart perch on w",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	got = disagreements("lb1", []string{"lb1", "lb2", "w"}, voices)
	if want := []string{"lb2 lists lb9, which lb1 does not: make the lists of peers alike and restart perch on lb2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// However many VIPs differ, a few are named; and what a node says of its list is small.
func TestDisagreementsAreBounded(t *testing.T) {
	var all, others []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("10.1.%d.%d/32", i/250, i%250+1))
		others = append(others, fmt.Sprintf("10.2.%d.%d/32", i/250, i%250+1))
	}
	voices := trio()
	with(&voices[0], same, all...)
	with(&voices[1], same, others...)
	got := disagreements("lb1", nil, voices)
	want := "lb2 has no 10.1.0.1/32, 10.1.0.10/32, 10.1.0.100/32 and 997 more, and has 10.2.0.1/32, 10.2.0.10/32, 10.2.0.100/32 and 997 more, which lb1 has not: " +
		"its config lists 1000 VIPs, that of lb1 1000; make the files alike and run `perch reload` on lb2"
	if len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	text, err := json.Marshal(voices[0].report.Settings)
	if err != nil || len(text) > 512 {
		t.Errorf("%d bytes (%v): %s", len(text), err, text)
	}
}

func TestOtherClocks(t *testing.T) {
	const ms = time.Millisecond
	at := func(name string, ahead, doubt time.Duration) voice {
		return voice{name: name, skew: skew{true, ahead, doubt}}
	}
	line := func(name, how, than string) string {
		return fmt.Sprintf("the wall clock of %s is %s %s's: logs and certificates go by it, no lease does; see `chronyc tracking` on %s", name, how, than, name)
	}
	for _, tt := range []struct {
		name   string
		voices []voice
		limit  time.Duration
		want   []string
	}{
		{"alone", []voice{at("lb1", 0, 0)}, 0, nil},
		{"alike", []voice{at("lb1", 0, 0), at("lb2", time.Second, 0), at("w", -5*ms, 0)}, time.Second + 5*ms, nil},
		{"one is off", []voice{at("lb1", 0, 0), at("lb2", 2*time.Second, ms), at("w", 0, ms)}, time.Second, []string{line("lb2", "2s ahead of", "w")}},
		{"this one is off", []voice{at("lb1", 0, 0), at("lb2", 2*time.Second, ms), at("w", 2*time.Second, ms)}, time.Second, []string{line("lb1", "2s behind", "lb2")}},
		{"with [clock]", []voice{at("lb1", 0, 0), at("lb2", 21*ms, 0)}, 20 * ms, []string{line("lb2", "21ms ahead of", "lb1")}},
		{"an answer that took long", []voice{at("lb1", 0, 0), at("lb2", 1400*ms, 400*ms)}, time.Second, nil},
		{"two that took long", []voice{at("lb1", 0, 0), at("lb2", 1500*ms, 300*ms), at("w", 0, 200*ms)}, time.Second, nil},
		{"a version that does not tell", []voice{at("lb1", 0, 0), {name: "lb2"}}, 0, nil},
	} {
		if got := otherClocks(tt.voices, tt.limit); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSkewOf(t *testing.T) {
	sent := time.Now()
	got := skewOf(sent.Round(0).Add(time.Second).UTC(), sent, 200*time.Millisecond)
	if want := (skew{true, 900 * time.Millisecond, 100 * time.Millisecond}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if skewOf(time.Time{}, sent, time.Second).known {
		t.Error("a node that tells no time is known")
	}
	for year, want := range map[int]time.Duration{1: -mostSkew, 9999: mostSkew} {
		if got := skewOf(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC), sent, 0).ahead; got != want {
			t.Errorf("a clock in the year %d is %v ahead, want %v", year, got, want)
		}
	}
}

// A clock without a battery begins in 1970, and a broken one is anywhere: it is warned of as
// any other.
func TestClocksThatAreFarOff(t *testing.T) {
	for _, year := range []int{1, 1970, 2200, 9999} {
		s, answers := knowing(), healthy()
		s.now = since
		odd := answers["lb1"]
		odd.skew = skewOf(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC), since, 0)
		answers["lb1"] = odd
		other := answers["w"]
		other.skew = skewOf(time.Date(9999-year, 6, 1, 0, 0, 0, 0, time.UTC), since, 0)
		answers["w"] = other
		warned := make(chan string)
		go func() { warned <- strings.Join(s.status(answers).Warnings, "\n") }()
		select {
		case w := <-warned:
			if !strings.Contains(w, "the wall clock of ") {
				t.Errorf("in the year %d: %s", year, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("in the year %d there is no status", year)
		}
	}
}

// The status has the disagreements of those that answer, by what they report; the limit of the
// clocks is that of [clock].
func TestStatusOfDisagreements(t *testing.T) {
	s, answers := knowing(), healthy()
	s.now = since
	odd := answers["lb1"]
	odd.report.Version, odd.report.Settings = "1.1", s.report().Settings
	odd.report.Settings.VIPDigest = "other"
	odd.skew = skewOf(since.Add(500*time.Millisecond), since, 0)
	answers["lb1"] = odd
	find := func(what string) int {
		return len(slices.DeleteFunc(s.status(answers).Warnings, func(w string) bool { return !strings.Contains(w, what) }))
	}
	if find("versions differ, 1.1 on lb1, 1.0 on lb2, w") != 1 || find("lb2 has other VIPs than lb1") != 1 || find("wall clock") != 0 {
		t.Errorf("%q", s.status(answers).Warnings)
	}
	odd.skew = skewOf(since.Add(1001*time.Millisecond), since, 0)
	answers["lb1"] = odd
	if find("the wall clock of lb1 is 1s ahead of lb2's") != 1 {
		t.Errorf("%q", s.status(answers).Warnings)
	}
	odd.err = errors.New("x")
	answers["lb1"] = odd
	if find("other VIPs") != 0 || find("wall clock") != 0 {
		t.Errorf("of one that does not answer: %q", s.status(answers).Warnings)
	}
	if r := s.report(); r.Time != since || r.Settings.VIPs != 1 {
		t.Errorf("reported: %+v", r)
	}
}
