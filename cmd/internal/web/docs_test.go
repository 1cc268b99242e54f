package web

import (
	"fmt"
	"os"
	"regexp"
	"slices"
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
	told := map[string]string{}
	for _, m := range declared() {
		told[m.name] = m.kind + " " + strings.Join(m.labels, ", ")
	}
	if diff := cmp.Diff(told, docs); diff != "" {
		t.Errorf("-declared +documented:\n%s", diff)
	}
}

// What is declared is what a page has, with its type and labels, and nothing else.
func TestEveryMetricIsShownAsDeclared(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for _, m := range declared() {
		if want[m.name] != "" {
			t.Errorf("%s is declared twice", m.name)
		}
		want[m.name] = m.kind + " " + strings.Join(slices.Sorted(slices.Values(m.labels)), ", ")
	}
	m := website()
	for name, f := range parse(t, rendered(nil, &m)) {
		for _, sample := range f.Metric {
			var labels []string
			for _, l := range sample.Label {
				labels = append(labels, l.GetName())
			}
			slices.Sort(labels)
			got[name] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ", ")
			if got[name] != want[name] {
				t.Errorf("%s is shown as %q, and declared as %q", name, got[name], want[name])
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-declared +shown:\n%s", diff)
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

// What clients of node.listen can take is said in docs/security.md as it is.
func TestDocsKnowTheBounds(t *testing.T) {
	text, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%d connections, further ones wait in the kernel; headers of %d KiB in %v s; bodies are not read",
		maxConnections, maxHeaderBytes>>10, headerTimeout.Seconds())
	if !strings.Contains(string(text), said) {
		t.Errorf("docs/security.md does not say %q", said)
	}
}
