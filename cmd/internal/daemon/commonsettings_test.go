package daemon

import (
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestOtherSettings(t *testing.T) {
	settings := func(change func(s *api.Settings)) *api.Settings {
		s := &api.Settings{
			Values: map[string]string{keyPreempt: "true", keyWhenUnhealthy: "release"},
			Peers:  map[string]string{"lb1": "198.18.0.1:7400, priority 100", "lb2": "198.18.0.2:7400, priority 100"},
			VIPs:   2, VIPDigest: "a",
		}
		change(s)
		return s
	}
	ours := settings(func(*api.Settings) {})
	for name, test := range map[string]struct {
		theirs *api.Settings
		want   []string
	}{
		"the same":           {settings(func(*api.Settings) {}), nil},
		"an earlier version": {nil, nil},
		"a value":            {settings(func(s *api.Settings) { s.Values[keyPreempt] = "false" }), []string{"cluster.preempt is false there, and true here"}},
		"a key less":         {settings(func(s *api.Settings) { delete(s.Values, keyPreempt) }), nil},
		"VIPs":               {settings(func(s *api.Settings) { s.VIPs, s.VIPDigest = 3, "b" }), []string{"its VIPs are others (3, and 2 here)"}},
		"no VIP":             {settings(func(s *api.Settings) { s.VIPs, s.VIPDigest = 0, "0" }), nil},
		"peers": {settings(func(s *api.Settings) {
			delete(s.Peers, "lb1")
			s.Peers["lb2"], s.Peers["lb3"] = "198.18.0.2:7400, priority 50", "198.18.0.3:7400, priority 100"
		}), []string{
			"its peer lb1 is none, and here 198.18.0.1:7400, priority 100",
			"its peer lb2 is 198.18.0.2:7400, priority 50, and here 198.18.0.2:7400, priority 100",
			"its peer lb3 is 198.18.0.3:7400, priority 100, and here none",
		}},
	} {
		if got := otherSettings(ours, test.theirs); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
