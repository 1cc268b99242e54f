package e2e

import (
	"fmt"
	"testing"
	"time"
)

// detectionBegin is the marker before the figures of failures that are found out by silence.
const detectionBegin = "<!-- figures of make bench-detection -->\n"

// BenchmarkDetection measures the outage when an owner is found dead by its silence, by
// profile and number of nodes.
func BenchmarkDetection(b *testing.B) {
	var figures []figure
	for _, profile := range []struct {
		name      string
		heartbeat time.Duration
	}{{"fast", benchHeartbeat}, {"normal", normalHeartbeat}} {
		for _, nodes := range []int{3, 5} {
			for _, f := range detectionOf(b, nodes, profile.heartbeat) {
				f.name = fmt.Sprintf("%s, %d nodes: %s", profile.name, nodes, f.name)
				figures = append(figures, f)
			}
			keepFigures(b, "detection", figures)
		}
	}
	report := movesReport(b, "failure, by profile (H = 100 ms and 300 ms)", figures)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, detectionBegin, report))
	}
}

// detectionOf measures in turns the kinds of failure that silence tells of.
func detectionOf(b *testing.B, nodes int, heartbeat time.Duration) []figure {
	b.Helper()
	x := newBenchOf(b, nodes, heartbeat, "")
	defer x.end()
	x.settled()
	x.ping()
	kinds := kinds(0, 1)[:2] // link cut and SIGKILL
	figures := make([]figure, len(kinds))
	for range *benchRounds {
		for i, k := range kinds {
			figures[i].name = k.name
			gap, err := x.once(k)
			figures[i].add(b, gap, err)
		}
	}
	must(b, x.pinger.Close())
	return figures
}
