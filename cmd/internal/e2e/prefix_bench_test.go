package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const prefixRecordBegin = "<!-- figures of make bench-prefix -->\n"

// prefixBench is a bench whose VIP is the last address of a range, and a client that has
// all of them in its neighbour cache.
type prefixBench struct {
	*bench
	prefix netip.Prefix
	watch  *lab.RangeWatch
}

func newPrefixBench(b *testing.B) *prefixBench {
	b.Helper()
	x := &prefixBench{bench: prepareBench(b, 3, benchHeartbeat, ""), prefix: netip.MustParsePrefix(wholeRange)}
	for _, n := range x.Nodes {
		must(b, n.WriteConfig(append(slices.Clone(x.Spec.VIPs), lab.VIP{Address: x.prefix, Interface: "eth0", Kind: "prefix"})...))
	}
	must(b, x.client.AddOnLink(x.prefix))
	must(b, x.StartAll())
	all := sampled(x.prefix)
	x.vip = all[len(all)-1]
	var err error
	x.watch, err = x.client.WatchRange(x.prefix)
	must(b, err)
	x.settled()
	x.ping()
	return x
}

// prefixFigures are those of one kind of move.
type prefixFigures struct{ announced, middle, whole, silence figure }

func newPrefixFigures(move string) *prefixFigures {
	return &prefixFigures{
		announced: figure{name: move + ", from the new owner's first frame until all 4,096 addresses are announced"},
		middle:    figure{name: move + ", until half of them answer from there"},
		whole:     figure{name: move + ", until all do"},
		silence:   figure{name: move + ", the client's longest silence, pinging the last address"},
	}
}

func (f *prefixFigures) all() []figure { return []figure{f.announced, f.middle, f.whole, f.silence} }

// move does a round of a kind.
func (x *prefixBench) move(k kind, f *prefixFigures) {
	x.b.Helper()
	owner := x.settled()
	x.answered(time.Now())
	must(x.b, x.watch.Begin(owner.Host))
	gap, err := x.round(owner, k)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var s spread
	if err == nil {
		s, err = x.spread(ctx)
	}
	f.silence.add(x.b, gap, err)
	f.announced.add(x.b, s.announced, err)
	f.middle.add(x.b, s.middle, err)
	f.whole.add(x.b, s.whole, err)
	if k.mend != nil {
		must(x.b, k.mend(owner))
	}
}

// spread is the time from the new owner's first frame until all addresses are announced, and
// until half and all of them answer from there.
type spread struct{ announced, middle, whole time.Duration }

func (x *prefixBench) spread(ctx context.Context) (spread, error) {
	move, err := x.watch.Wait(ctx)
	if err != nil {
		return spread{}, err
	}
	var after []time.Duration
	for _, at := range move.Answered {
		after = append(after, at.Sub(move.First))
	}
	slices.Sort(after)
	return spread{move.Announced.Sub(move.First), after[len(after)/2], after[len(after)-1]}, nil
}

// BenchmarkPrefix measures how a range of 4,096 addresses moves.
func BenchmarkPrefix(b *testing.B) {
	x := newPrefixBench(b)
	var figures []figure
	keep := func() { keepFigures(b, "prefix", figures) }
	defer keep()
	for _, k := range kinds(*benchRounds, *benchRounds) {
		if k.name != "`perch transfer`" && k.name != "SIGKILL of the owner" {
			continue
		}
		f := newPrefixFigures(k.name)
		for range k.rounds {
			x.move(k, f)
		}
		figures = append(figures, f.all()...)
		keep()
	}
	must(b, x.watch.Close())
	must(b, x.pinger.Close())
	x.end()
	report := prefixReport(b, figures)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, prefixRecordBegin, report))
	}
}

func prefixReport(tb testing.TB, figures []figure) string {
	tb.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb))
	text.WriteString("| move of a /20, profile fast (H = 100 ms), three nodes | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n")
	for _, f := range figures {
		text.WriteString(f.row() + "\n")
	}
	return text.String()
}
