package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named are the metrics of perch that a text names.
func named(text string) []string {
	return regexp.MustCompile(`\bperch_[a-z0-9_]+`).FindAllString(text, -1)
}

// Alerts, dashboard and documentation name no metric that there is not, nor a label that a
// metric does not have.
func TestNamedMetricsExist(t *testing.T) {
	known := map[string]metric{}
	for _, m := range declared() {
		known[m.name] = m
		if m.kind == histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				known[m.name+suffix] = m
			}
		}
	}
	for _, path := range []string{
		"deploy/prometheus/perch.rules.yml", "deploy/prometheus/perch.rules.test.yml", "deploy/grafana/perch.json", "docs/metrics.md",
	} {
		text, err := os.ReadFile(filepath.Join("../../..", path))
		if err != nil {
			t.Fatal(err)
		}
		names := named(string(text))
		if len(names) < 10 {
			t.Errorf("%s names %d metrics only", path, len(names))
		}
		for _, name := range names {
			if known[name].name == "" {
				t.Errorf("%s names %s, which there is not", path, name)
			}
		}
		selector := regexp.MustCompile(`\b(perch_[a-z0-9_]+)\{([^{}]*)\}`)
		for _, m := range selector.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\"`, `"`), -1) {
			checkLabels(t, path, known[m[1]], m[2])
		}
	}
}

// checkLabels looks whether a selector's labels are those of the metric, or the scrape's.
func checkLabels(t *testing.T, path string, m metric, selector string) {
	t.Helper()
	has := map[string]bool{"job": true, "instance": true, "le": m.kind == histogram}
	for _, label := range m.labels {
		has[label] = true
	}
	for _, l := range regexp.MustCompile(`([a-z_]+)\s*(?:=|!=|=~|!~)"`).FindAllStringSubmatch(selector, -1) {
		if !has[l[1]] {
			t.Errorf("%s asks %s for label %s, which it does not have", path, m.name, l[1])
		}
	}
}

// The dashboard is one that Grafana can read: panels of their own numbers that do not lie
// upon each other, each with something to ask, of the data source that is chosen. What a table
// asks for comes as a table: as series it would show but the first.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/grafana/perch.json")
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ X, Y, W, H int }
	var dashboard struct {
		UID    string
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     place
			Targets     []struct {
				Format     string
				Datasource struct{ Type, UID string }
			}
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q has a number or a title that is not its own", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			if (q.Format == "table") != (p.Type == "table") || q.Datasource.Type != "prometheus" || q.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q, a %s, asks %+v", p.Title, p.Type, q)
			}
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				spot := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[spot] != "" || spot[0] > 23 {
					t.Fatalf("panel %q lies on %q, or beyond the edge", p.Title, taken[spot])
				}
				taken[spot] = p.Title
			}
		}
	}
	if dashboard.UID == "" || len(ids) < 20 {
		t.Errorf("%d panels, uid %q", len(ids), dashboard.UID)
	}
}
