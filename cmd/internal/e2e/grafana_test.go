package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asked is all that the dashboard for Grafana asks Prometheus for: what Grafana puts in for its
// variables is there.
func asked(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	must(t, err)
	type query struct{ Expr string }
	var dashboard struct {
		Panels      []struct{ Targets []query }
		Annotations struct{ List []query }
	}
	must(t, json.Unmarshal(text, &dashboard))
	all := dashboard.Annotations.List
	for _, p := range dashboard.Panels {
		all = append(all, p.Targets...)
	}
	variables := strings.NewReplacer("$job", "perch", "$__rate_interval", "10s")
	for _, q := range all {
		queries = append(queries, variables.Replace(q.Expr))
	}
	return queries
}

// noSignOf are conditions of trouble: without them there is a series also while all is well.
var noSignOf = regexp.MustCompile(` > 0\b|,state!="up"`)

// A real Prometheus answers all that the dashboard asks it, and where perch has such metrics on
// this machine, with data.
func TestGrafanaIsAnswered(t *testing.T) {
	t.Parallel()
	c := newObserved(t)
	c.listens()
	c.must(c.StartAll())
	old := c.settled()
	p := startPrometheus(c)
	p.sees(c, `sum(up{job="perch"})`, "3")
	c.handOver(old, askedFor, func() { c.perch(old, "transfer") })

	queries := asked(t)
	unanswered := func() bool {
		queries = slices.DeleteFunc(queries, func(expr string) bool {
			if n, err := p.series(expr); n > 0 || err != nil {
				if err != nil {
					t.Errorf("%s: %v", expr, err)
				}
				return true
			}
			n, _ := p.series(noSignOf.ReplaceAllString(expr, ""))
			return n > 0 || slices.ContainsFunc(namedIn(expr), needsMore.MatchString)
		})
		return len(queries) > 0
	}
	defer func() {
		if t.Failed() {
			t.Logf("no data for %q", queries)
		}
	}()
	c.eventuallySays("all that is asked has an answer", func() bool { return !unanswered() })
}

// namedIn are the metrics of perch that an expression names.
func namedIn(expr string) []string {
	return regexp.MustCompile(`\bperch_[a-z0-9_]+`).FindAllString(expr, -1)
}

// series counts what an expression comes to.
func (p *prometheus) series(expr string) (int, error) {
	var data struct{ Result []json.RawMessage }
	err := p.get("query?query="+url.QueryEscape(expr), &data)
	return len(data.Result), err
}

// A node that does not answer is none that is ready.
func TestGrafanaCountsDeadNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.listens()
	c.must(c.StartAll())
	c.settled()
	p := startPrometheus(c)
	queries := asked(t)
	unready := queries[slices.IndexFunc(queries, func(expr string) bool { return strings.HasPrefix(expr, "count(perch_node_ready") })]
	p.sees(c, `sum(perch_node_ready{job="perch"})`, "3")
	p.sees(c, unready, "0")
	c.must(c.Nodes[2].Kill())
	p.sees(c, unready, "1")
}
