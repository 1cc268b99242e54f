package board

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// healthy is a view with something of everything, all of it well.
func healthy() *View {
	v := full()
	s := &v.Status
	for i := range s.Cluster.Nodes {
		n := &s.Cluster.Nodes[i]
		n.Healthy, n.Drained, n.Error = true, false, ""
		if n.Role == api.RoleUnreachable {
			n.Role = api.RoleFollower
		}
	}
	s.VIPs, s.VRRP, s.Checks, s.Notify, s.Warnings, s.IPVS = s.VIPs[:1], s.VRRP[:1], s.Checks[:1], s.Notify[:1], nil, nil
	s.Services[0].Servers = s.Services[0].Servers[:1]
	s.BGP.Neighbors = s.BGP.Neighbors[:1]
	other := api.OverviewOf(&api.Status{Node: "lb2", Checks: []api.Check{{Name: "disk", State: api.CheckHealthy, Healthy: true}}})
	v.Others = []Other{{Node: "lb2", Overview: &other, Seen: noon}}
	return v
}

func headlineOf(v *View) string {
	html := string(Make(v).Sections[0].HTML)
	return strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(html, ""))
}

// What a node had that does not answer any more does not look well.
func TestStaleIsNotWell(t *testing.T) {
	v := healthy()
	theirs := api.OverviewOf(&api.Status{
		Node:     "lb2",
		VRRP:     []api.VirtualRouter{{Name: "gw", State: api.StateMaster}},
		Checks:   []api.Check{{Name: "disk", State: api.CheckHealthy, Healthy: true}},
		Services: []api.Service{{Name: "mail", State: api.ServiceReady, Here: true, Quorum: api.Quorum{Up: true}}},
	})
	v.Others = []Other{{Node: "lb2", Overview: &theirs, Seen: noon}}
	marks := []string{`<b class="ok">master</b>`, `<b class="ok">healthy</b>`, `<b class="ok">ready</b>`}
	for i, id := range []int{4, 5, 6} {
		if got := string(Make(v).Sections[id].HTML); !strings.Contains(got, marks[i]) {
			t.Errorf("section %d lacks %s: %s", id, marks[i], got)
		}
	}
	v.Status.VRRP, v.Status.Checks, v.Status.Services, v.Others[0].Trouble = nil, nil, nil, "does not answer"
	for i, id := range []int{4, 5, 6} {
		was := strings.NewReplacer(`"ok">`, `"odd">was `).Replace(marks[i])
		if got := string(Make(v).Sections[id].HTML); strings.Contains(got, marks[i]) || !strings.Contains(got, was) {
			t.Errorf("section %d has %s, want %s: %s", id, marks[i], was, got)
		}
	}
}

// What is marked anywhere as not well is in the headline, by its name.
func TestHeadlineNamesWhatIsNotWell(t *testing.T) {
	if got := headlineOf(healthy()); !strings.HasPrefix(got, "All well: ") {
		t.Fatalf("headline %q", got)
	}
	for want, spoil := range map[string]func(*View, *api.Status){
		"Problem: No node owns the VIPs: lb1 sees no majority.": func(_ *View, s *api.Status) {
			s.VIPs[0].Owner, s.VIPs[0].Held, s.VIPs[0].Reason = "", false, "lb1 sees no majority"
		},
		"Problem: A VIP is not as it should be (198.18.0.100/24 not held).": func(_ *View, s *api.Status) { s.VIPs[0].Held, s.VIPs[0].Reason = false, "" },
		"Problem: A VIP is not as it should be (198.18.0.100/24 conflict).": func(_ *View, s *api.Status) { s.VIPs[0].Conflict = &api.Conflict{Ongoing: true} },
		"Warning: 1 of 4 nodes does not answer (lb3).":                      func(_ *View, s *api.Status) { s.Cluster.Nodes[2].Role = api.RoleUnreachable },
		"Warning: 2 of 4 nodes are not well (lb2, lb3).": func(_ *View, s *api.Status) {
			s.Cluster.Nodes[1].Healthy, s.Cluster.Nodes[2].Healthy = false, false
		},
		"Warning: 3 of 4 nodes are drained (lb2, lb3, …).": func(_ *View, s *api.Status) {
			for i := 1; i < 4; i++ {
				s.Cluster.Nodes[i].Drained = true
			}
		},
		"Warning: 1 of 4 nodes looks for a leader (lb2).":             func(_ *View, s *api.Status) { s.Cluster.Nodes[1].Role = api.RoleCandidate },
		"Problem: A virtual router is in trouble (gw on lb1).":        func(_ *View, s *api.Status) { s.VRRP[0].State = api.StateFault },
		"Warning: A virtual router has not begun (gw on lb1).":        func(_ *View, s *api.Status) { s.VRRP[0].State = api.StateInit },
		"Problem: A service has no quorum or is blocked (web).":       func(_ *View, s *api.Status) { s.Services[0].Quorum.Up = false },
		"Warning: A service waits (web).":                             func(_ *View, s *api.Status) { s.Services[0].State = api.ServiceWaiting },
		"Warning: A service has its sorry server alone (web).":        func(_ *View, s *api.Status) { s.Services[0].Sorry = true },
		"Warning: A server is not up (10.0.0.11:80 of web).":          func(_ *View, s *api.Status) { s.Services[0].Servers[0].State = api.ServerDown },
		"Problem: BGP fails on a node (lb1).":                         func(_ *View, s *api.Status) { s.BGP.Error = "no bgpd" },
		"Warning: BGP is not ready on a node (lb1 waiting).":          func(_ *View, s *api.Status) { s.BGP.State = "waiting" },
		"Warning: A BGP neighbor is down (198.18.0.250 of lb1).":      func(_ *View, s *api.Status) { s.BGP.Neighbors[0].Up = false },
		"Warning: A check fails (haproxy on lb1).":                    func(_ *View, s *api.Status) { s.Checks[0].State = api.CheckFailed },
		"Warning: A check is in doubt (haproxy on lb1).":              func(_ *View, s *api.Status) { s.Checks[0].Error = "failed 1 of 3" },
		"Warning: A notification fails (/usr/local/bin/tell of lb1).": func(_ *View, s *api.Status) { s.Notify[0].Error = "exit 1" },
		"Warning: A warning: x.":                                      func(_ *View, s *api.Status) { s.Warnings = []string{"x"} },
		"Warning: A check is in doubt (disk on lb2).":                 func(v *View, _ *api.Status) { v.Others[0].Overview.Checks[0].State = api.CheckUnknown },
		"Warning: A node does not tell what it has (lb2).":            func(v *View, _ *api.Status) { v.Others[0].Trouble = "does not answer" },
		"Warning: A warning: x; 1 warning more.":                      func(v *View, _ *api.Status) { v.Others[0].Overview.Warnings = []string{"x", "y"} },
		"Warning: 1 of 4 nodes is drained (lb2); 2 warnings.": func(_ *View, s *api.Status) {
			s.Cluster.Nodes[1].Drained, s.Warnings = true, []string{"x", "y"}
		},
		"Problem: A VIP is not as it should be (198.18.0.100/24 not held): not fenced.": func(_ *View, s *api.Status) {
			s.VIPs[0].Held, s.VIPs[0].Reason = false, "not fenced"
		},
	} {
		v := healthy()
		spoil(v, &v.Status)
		if got := headlineOf(v); got != want {
			t.Errorf("headline %q, want %q", got, want)
		}
	}
}

// However long names are, the headline has all that it names or counts.
func TestHeadlineOfLongNames(t *testing.T) {
	v := healthy()
	long := strings.Repeat("n", maxText)
	v.Status.Cluster.Nodes[1].Name, v.Status.Cluster.Nodes[1].Drained = long, true
	v.Status.VRRP[0].State = api.StateFault
	v.Status.Warnings = []string{"x"}
	got := headlineOf(v)
	for _, part := range []string{"A virtual router is in trouble (gw on lb1); ", " of 4 nodes is drained", "…; 1 warning."} {
		if !strings.Contains(got, part) {
			t.Errorf("headline %q lacks %q", got, part)
		}
	}
}

// A page says in its title and by its icon how things are, and asks for all that it loads where
// it is itself, also below a path of a proxy.
func TestTitlesAndLinks(t *testing.T) {
	drained := healthy()
	drained.Status.Cluster.Nodes[1].Drained = true
	for _, tt := range []struct {
		name        string
		v           *View
		title, icon string
	}{
		{"well", healthy(), "perch: lb1", "dashboard.svg"},
		{"odd", drained, "! perch: lb1", "dashboard-odd.svg"},
		{"bad", full(), "✕ perch: lb1", "dashboard-bad.svg"},
	} {
		page := string(Make(tt.v).Page())
		for _, part := range []string{"<title>" + tt.title + "</title>", `href="` + tt.icon + `"`} {
			if !strings.Contains(page, part) {
				t.Errorf("%s: no %s", tt.name, part)
			}
		}
		if absolute := regexp.MustCompile(`(href|src)="/[^"]*"`).FindString(page); absolute != "" {
			t.Errorf("%s: %s is not relative", tt.name, absolute)
		}
	}
	icons := map[string]string{}
	for _, state := range []string{"", "odd", "bad", "lost"} {
		icon := string(Icon(state))
		if other, same := icons[icon]; same || xml.Unmarshal([]byte(icon), new(struct{})) != nil {
			t.Errorf("icon %q is no XML, or that of %q", state, other)
		}
		icons[icon] = state
	}
}

func TestCountsOfOne(t *testing.T) {
	v := full()
	v.Status.VIPs[2].Readded, v.Status.VIPs[2].Conflict.Count = 1, 1
	v.Status.Cluster.Nodes[0].Mended.Count, v.Status.Cluster.Refused = 1, 1
	page := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(Make(v).Page()), "")
	for _, part := range []string{"put back once after", "99, 1 time, last", "fence was mended once:", ", 1 connection turned away"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
}
