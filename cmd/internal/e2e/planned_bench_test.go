package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// plannedBegin is the marker before the figures of planned moves.
const plannedBegin = "<!-- figures of make bench-planned -->\n"

// plannedPing is the time between two pings: what a move costs beside an election of the
// library is less than the usual millisecond.
const plannedPing = 250 * time.Microsecond

// medium is where data_dir is.
type medium struct {
	name string
	dir  string // "" for that of temporary files
}

var media = []medium{{"disk", ""}, {"memory", "/dev/shm"}}

// BenchmarkPlanned measures the outage of each kind of planned move beside transfers of the
// bare library, with data_dir on disk and in memory. A round has one of each: what else goes
// on on the machine goes on for all of them.
func BenchmarkPlanned(b *testing.B) {
	perchBinary(b) // outlives the folders below
	var figures []figure
	for _, m := range media {
		figures = append(figures, plannedOn(b, m)...)
		keepFigures(b, "planned", figures)
	}
	report := movesReport(b, "move, profile fast (H = 100 ms), three nodes, data_dir", figures)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, plannedBegin, report))
	}
}

// movesReport renders figures of moves as Markdown.
func movesReport(tb testing.TB, what string, figures []figure) string {
	tb.Helper()
	var report strings.Builder
	fmt.Fprintf(&report, "Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb))
	fmt.Fprintf(&report, "| %s | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n", what)
	for _, f := range figures {
		report.WriteString(f.row() + "\n")
	}
	return report.String()
}

// plannedOn measures planned moves with data_dir on a medium.
func plannedOn(b *testing.B, m medium) []figure {
	b.Helper()
	dir, err := os.MkdirTemp(m.dir, "perch-bench-")
	must(b, err)
	defer os.RemoveAll(dir)
	b.Setenv("TMPDIR", dir)
	x := newBench(b, benchHeartbeat, "")
	defer x.end()
	x.settled()
	x.pingEvery(plannedPing)
	bare := bareGroup{bareCluster(b, dir, benchHeartbeat)}
	kinds := plannedKinds()
	figures := []figure{{name: m.name + ": " + bareName}}
	for _, k := range kinds {
		figures = append(figures, figure{name: m.name + ": " + k.name})
	}
	for range *benchRounds {
		took, err := bare.transfer(benchHeartbeat)
		figures[0].add(b, took, err)
		for i, k := range kinds {
			gap, err := x.once(k)
			figures[1+i].add(b, gap, err)
		}
	}
	must(b, x.pinger.Close())
	return append(figures, figure{name: m.name + ": fdatasync of 4 KiB", samples: fdatasyncs(b, dir)})
}

// plannedKinds are the planned moves.
func plannedKinds() []kind {
	return []kind{
		{
			"`perch transfer`", 1, askedFor,
			func(ctx context.Context, n *lab.Node) error {
				_, err := api.NewClient(n.Socket()).Transfer(ctx, "")
				return err
			},
			nil,
		},
		{
			"`perch drain` of the owner", 1, wasDrained,
			func(ctx context.Context, n *lab.Node) error { return setDrain(ctx, n, api.Drained) },
			func(n *lab.Node) error { return setDrain(context.Background(), n, api.Undrained) },
		},
		{
			"SIGTERM of the owner", 1, wasStopped,
			func(ctx context.Context, n *lab.Node) error { return n.Terminate(ctx) },
			(*lab.Node).Start,
		},
	}
}

func setDrain(ctx context.Context, n *lab.Node, to api.Drain) error {
	return api.NewClient(n.Socket()).SetDrain(ctx, n.Name, to)
}
