package web

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// Every metric has its row in docs/metrics.md, with its type and labels, and every row is
// of a metric.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(perch_[a-z_]+)` \\| (\\w+) \\| (.*?) ?\\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		docs[m[1]] = m[2] + " " + strings.ReplaceAll(m[3], "`", "")
	}
	shown := map[string]string{}
	m := website()
	for name, f := range parse(t, render(nil, &m)) {
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		shown[name] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ", ")
	}
	if diff := cmp.Diff(shown, docs); diff != "" {
		t.Errorf("-shown +documented:\n%s", diff)
	}
}

// The states that a service can be in are those of its row.
func TestEveryServiceStateIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `" + serviceState + "` .*$").Find(text)
	for _, state := range []string{api.ServiceReady, api.ServiceWaiting, api.ServiceBlocked, api.ServiceStandby} {
		if !strings.Contains(string(row), "`"+state+"`") {
			t.Errorf("%s does not say that a service may be %q: %s", serviceState, state, row)
		}
	}
}
