package daemon

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/clock"
)

// A reload begins to follow the leader's time, and ends it; a wrong file does neither.
func TestReloadOfTheClock(t *testing.T) {
	r := newReloadable(t)
	text, err := os.ReadFile(r.path("perch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		clock string
		file  string // "" for none
		wrong bool
	}{
		{"", "", false},
		{"[clock]\n", "/etc/chrony/sources.d/perch-edge.sources", false},
		{"[clock]\nsources_dir = \"/run/d\"\nmax_offset = \"20ms\"\n", "/run/d/perch-edge.sources", false},
		{"[clock]\nsources_dir = \"d\"\n", "/run/d/perch-edge.sources", true},
		{"", "", false},
	} {
		r.write(t, "perch.toml", string(text)+step.clock, 0o600)
		if _, err := r.reload(); errors.Is(err, api.ErrInvalid) != step.wrong {
			t.Fatalf("%q: %v", step.clock, err)
		}
		s, on := r.member.clock.Status()
		if on != (step.file != "") || s.File != step.file || on != (r.config().Clock != nil) {
			t.Errorf("%q: %+v, %v", step.clock, s, on)
		}
		if strings.Contains(step.clock, "20ms") && s.MaxOffset != 20*time.Millisecond {
			t.Errorf("%q: by %v", step.clock, s.MaxOffset)
		}
	}
}

func TestClockViewOf(t *testing.T) {
	cfg := knowing().config
	one, two, nine := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.2"), netip.MustParseAddr("198.18.0.9")
	members := []cluster.Member{{Name: "lb9", Address: netip.AddrPortFrom(nine, 7400)}}
	for name, tt := range map[string]struct {
		view cluster.View
		want clock.View
	}{
		"a peer leads":                    {cluster.View{Leader: "lb1"}, clock.View{Self: "lb2", SelfAddress: two, Leader: "lb1", Address: one}},
		"a member that is not listed":     {cluster.View{Leader: "lb9", Members: members}, clock.View{Self: "lb2", SelfAddress: two, Leader: "lb9", Address: nine}},
		"this node leads":                 {cluster.View{Leader: "lb2"}, clock.View{Self: "lb2", SelfAddress: two, Leader: "lb2"}},
		"this node is no member any more": {cluster.View{Leader: "lb1", Left: true}, clock.View{Self: "lb2", SelfAddress: two}},
	} {
		if got := clockViewOf(cfg, tt.view); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestClockOf(t *testing.T) {
	at := netip.MustParseAddr("198.18.0.1")
	s := clock.Status{
		File: "/d/perch-edge.sources", MaxOffset: time.Second, View: clock.View{Self: "lb2", Leader: "lb1", Address: at},
		Trouble: "chronyc fails", Asked: "lb1", At: since,
		Reading: clock.Reading{Offset: -time.Second, RoundTrip: time.Millisecond, Stratum: 3, Unsynchronized: "it says so"},
	}
	want := &api.Clock{
		Follows: "lb1", Address: "198.18.0.1", File: s.File, Error: s.Trouble, MaxOffset: time.Second,
		Measured: &api.Measured{At: since, Offset: -time.Second, RoundTrip: time.Millisecond, Stratum: 3, Error: "it says so"},
	}
	if diff := cmp.Diff(want, clockOf(s)); diff != "" {
		t.Error(diff)
	}
	s.Silent = "no answer"
	if got := clockOf(s).Measured.Error; got != "no answer" {
		t.Errorf("error %q", got)
	}
	s.View.Leader, s.Asked = "lb2", ""
	if got := clockOf(s); got.Follows != "" || got.Address != "" || got.Measured != nil {
		t.Errorf("the leader: %+v", got)
	}
}

// What is wrong with the clock is warned of, and shown.
func TestStatusOfTheClock(t *testing.T) {
	s := knowing()
	s.clock = &clock.Status{Trouble: "chronyc fails"}
	got := s.status(healthy())
	if got.Clock == nil || len(got.Warnings) == 0 || !strings.HasPrefix(got.Warnings[0], "clock: chronyc fails") {
		t.Errorf("clock %+v, warnings %q", got.Clock, got.Warnings)
	}
}
