package route

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// wants is a survey where eth0 has index 2 and nothing else exists.
func wants(t *testing.T, routes []Route, rules []Rule) *survey {
	t.Helper()
	s, err := newSurvey(demand{routes, rules}, func(name string) (int, bool, error) { return 2, name == "eth0", nil })
	must(t, err)
	return s
}

func TestPlan(t *testing.T) {
	var (
		one   = Route{Destination: prefix("192.0.2.0/24"), Via: addr("198.18.0.2")}
		two   = Route{Destination: prefix("203.0.113.0/24"), Via: addr("198.18.0.2"), Device: "eth0"}
		other = Route{Destination: prefix("192.0.2.0/24"), Via: addr("198.18.0.3")}
		worse = Route{Destination: prefix("192.0.2.0/24"), Via: addr("198.18.0.3"), Metric: 9}
		rule  = Rule{From: prefix("192.0.2.0/24"), Table: 100, Preference: 1}
		next  = Rule{From: prefix("192.0.2.0/24"), Table: 100, Preference: 2}
	)
	for _, test := range []struct {
		name               string
		wantRoutes, routes []Route
		wantRules, rules   []Rule
		plan               []string
		index              int // of what is there, where the gateway says it
	}{
		{name: "nothing"},
		{
			name: "all at once", wantRoutes: []Route{one, two}, wantRules: []Rule{rule},
			plan: []string{
				"add route 192.0.2.0/24 table 254 metric 0 via 198.18.0.2",
				"add route 203.0.113.0/24 table 254 metric 0 via 198.18.0.2",
				"add rule 1: from 192.0.2.0/24 to 0.0.0.0/0 table 100",
			},
		},
		{
			name: "all away", routes: []Route{one, two}, rules: []Rule{rule},
			plan: []string{
				"remove rule 1: from 192.0.2.0/24 to 0.0.0.0/0 table 100",
				"remove route 192.0.2.0/24 table 254 metric 0 via 198.18.0.2",
				"remove route 203.0.113.0/24 table 254 metric 0 via 198.18.0.2",
			},
		},
		{
			name: "all is there", wantRoutes: []Route{one, two}, routes: []Route{two, one}, index: 7,
			wantRules: []Rule{rule, next}, rules: []Rule{next, rule},
		},
		{
			name: "adds before removes", wantRoutes: []Route{two}, routes: []Route{one}, wantRules: []Rule{next}, rules: []Rule{rule},
			plan: []string{
				"add route 203.0.113.0/24 table 254 metric 0 via 198.18.0.2",
				"add rule 2: from 192.0.2.0/24 to 0.0.0.0/0 table 100",
				"remove rule 1: from 192.0.2.0/24 to 0.0.0.0/0 table 100",
				"remove route 192.0.2.0/24 table 254 metric 0 via 198.18.0.2",
			},
		},
		{
			name: "in another's place", wantRoutes: []Route{other, two}, routes: []Route{one, two},
			plan: []string{
				"remove route 192.0.2.0/24 table 254 metric 0 via 198.18.0.2",
				"add route 192.0.2.0/24 table 254 metric 0 via 198.18.0.3",
			},
		},
		{
			name: "beside another", wantRoutes: []Route{worse, one}, routes: []Route{one},
			plan: []string{"add route 192.0.2.0/24 table 254 metric 9 via 198.18.0.3"},
		},
		{
			name: "one too many in its place", wantRoutes: []Route{one}, routes: []Route{other, one},
			plan: []string{"remove route 192.0.2.0/24 table 254 metric 0 via 198.18.0.3"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			have := wants(t, nil, test.rules).want
			for _, r := range test.routes {
				e := r.entry(2)
				if r.Device == "" {
					e.index = test.index
				}
				have.routes = append(have.routes, e)
			}
			var got []string
			for _, a := range plan(wants(t, test.wantRoutes, test.wantRules).want, have) {
				got = append(got, a.String())
			}
			if !slices.Equal(got, test.plan) {
				t.Errorf("plan is\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.plan, "\n\t"))
			}
		})
	}
}

// TestSurveyRefuses: what cannot be wanted keeps nothing else away.
func TestSurveyRefuses(t *testing.T) {
	good := Route{Destination: prefix("192.0.2.0/24"), Device: "eth0"}
	bad := map[string]Route{
		"destination is no masked prefix":                  {Destination: prefix("192.0.2.1/24"), Device: "eth0"},
		"neither gateway nor interface nor blackhole":      {Destination: prefix("192.0.2.0/24")},
		"a blackhole has neither gateway nor interface":    {Destination: prefix("192.0.2.0/24"), Device: "eth0", Blackhole: true},
		"on-link without a gateway and an interface":       {Destination: prefix("192.0.2.0/24"), Device: "eth0", OnLink: true},
		"both IPv4 and IPv6":                               {Destination: prefix("192.0.2.0/24"), Via: addr("2001:db8::1")},
		"interface eth1 does not exist":                    {Destination: prefix("192.0.2.0/24"), Device: "eth1"},
		"table -1: want at least 1, or 0 for the main one": {Destination: prefix("192.0.2.0/24"), Device: "eth0", Table: -1},
		"metric -1: want at least 1, or 0 for the default": {Destination: prefix("192.0.2.0/24"), Device: "eth0", Metric: -1},
	}
	for reason, r := range bad {
		s := wants(t, []Route{r, good}, nil)
		if got := s.status.Routes[0]; got.There || got.Reason != reason {
			t.Errorf("status of %s is %t, %q; want %q", r, got.There, got.Reason, reason)
		}
		if len(s.want.routes) != 1 || !s.status.Routes[1].There || !s.status.Lacks() {
			t.Errorf("beside %s: status is %+v, want the other one there", r, s.status)
		}
	}
	for reason, r := range map[string]Rule{
		"preference 0: want at least 1":                    {},
		"192.0.2.1/24 is not masked":                       {From: prefix("192.0.2.1/24"), Preference: 1},
		"both IPv4 and IPv6":                               {From: prefix("192.0.2.0/24"), To: prefix("::/0"), Preference: 1},
		"table -1: want at least 1, or 0 for the main one": {Table: -1, Preference: 1},
	} {
		s := wants(t, nil, []Rule{r, {Preference: 1}})
		if got := s.status.Rules[0]; got.There || got.Reason != reason || len(s.want.rules) != 1 || !s.status.Lacks() {
			t.Errorf("status of %s is %t, %q; want %q", r, got.There, got.Reason, reason)
		}
	}
}

// TestSurveyOneForASlot: of two routes that cannot both be there the first is wanted.
func TestSurveyOneForASlot(t *testing.T) {
	s := wants(t, []Route{
		{Destination: prefix("192.0.2.0/24"), Device: "eth0"},
		{Destination: prefix("192.0.2.0/24"), Via: addr("198.18.0.2"), Table: unix.RT_TABLE_MAIN},
	}, nil)
	want := "another wanted route has this destination, table and metric"
	if got := s.status.Routes; !got[0].There || got[1].Reason != want || len(s.want.routes) != 1 {
		t.Errorf("status is %+v, want the first one and %q", got, want)
	}
}

func TestSurveyFails(t *testing.T) {
	failure := errors.New("no")
	_, err := newSurvey(demand{routes: []Route{{Destination: prefix("192.0.2.0/24"), Device: "eth0"}}},
		func(string) (int, bool, error) { return 0, false, failure })
	if !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
}

func TestString(t *testing.T) {
	for want, got := range map[string]interface{ String() string }{
		"192.0.2.0/24 via 198.18.0.2 dev eth0 src 198.18.0.1 table 7 metric 9": Route{
			Destination: prefix("192.0.2.0/24"), Via: addr("198.18.0.2"), Device: "eth0",
			Source: addr("198.18.0.1"), Table: 7, Metric: 9,
		},
		"blackhole 192.0.2.0/24":                   Route{Destination: prefix("192.0.2.0/24"), Blackhole: true},
		"5: from 0.0.0.0/0 to 0.0.0.0/0 table 254": Rule{Preference: 5},
		"5: from ::/0 to 2001:db8::/64 table 254":  Rule{To: prefix("2001:db8::/64"), Preference: 5},
	} {
		if got.String() != want {
			t.Errorf("text is %q, want %q", got, want)
		}
	}
}

// The kernel counts tables, metrics and preferences in 32 bits, and the config takes all.
func TestLargestNumbers(t *testing.T) {
	bits := ^uint32(0)
	largest := int(bits)
	route := Route{Destination: prefix("192.0.2.0/24"), Device: "eth0", Table: largest, Metric: largest}
	rule := Rule{Table: largest, Preference: largest}
	if err := errors.Join(route.check(), rule.check()); err != nil {
		t.Error(err)
	}
	route.Table, rule.Preference = largest+1, largest+1
	if route.check() == nil || rule.check() == nil {
		t.Error("more than that is taken")
	}
}
