package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// routedBench is a bench whose client is behind a router that is told by BGP where the
// VIP is.
type routedBench struct {
	*bench
	fabric *lab.Fabric
	vip    netip.Prefix
	router *lab.Routes
	nodes  map[*lab.Node]*lab.Routes
}

func newRoutedBench(b *testing.B) *routedBench {
	b.Helper()
	lab.NeedBGP(b)
	dir := tempDir(b)
	l, err := lab.New()
	must(b, err)
	end := sync.OnceFunc(func() { must(b, l.Close()) })
	b.Cleanup(end)
	f, err := lab.NewFabric(l, filepath.Join(dir, "bgp"), 3)
	must(b, err)
	vip := netip.MustParsePrefix("192.0.2.100/32")
	c, err := lab.NewCluster(lab.ClusterSpec{
		Binary:    perchBinary(b),
		Dir:       dir,
		Name:      "bench",
		Secret:    "a-secret-for-tests-only-0123456789",
		Heartbeat: benchHeartbeat,
		VIPs:      []lab.VIP{{Address: vip, Interface: "lo"}},
	}, f.Nodes...)
	must(b, err)
	x := &routedBench{
		bench:  &bench{Cluster: c, b: b, client: f.Client, vip: vip.Addr(), end: end},
		fabric: f,
		vip:    vip,
		nodes:  map[*lab.Node]*lab.Routes{},
	}
	x.router = x.watch(f.Router)
	for _, n := range c.Nodes {
		addTables(b, n, bgp)
		x.nodes[n] = x.watch(n.Host)
	}
	must(b, f.Start())
	must(b, c.StartAll())
	return x
}

func (x *routedBench) watch(h *lab.Host) *lab.Routes {
	x.b.Helper()
	routes, err := h.WatchRoutes(x.vip)
	must(x.b, err)
	return routes
}

// speaks waits until the router hears all nodes and goes by the owner alone, and the client
// is served, and returns the owner. Its route makes way for another's then, as it does by itself some
// seconds after a move.
func (x *routedBench) speaks() *lab.Node {
	x.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		owner := x.settled()
		from, err := x.fabric.Speakers[x.fabric.Router].From(x.vip)
		if err == nil && len(from) == 1 && from[0] == owner.Host && x.allReady() {
			must(x.b, settle(x.fabric.Speakers[owner.Host], x.vip))
			x.answered(time.Now().Add(2 * benchHeartbeat))
			return owner
		}
	}
	x.b.Fatal("the router does not go by the owner alone")
	return nil
}

func (x *routedBench) allReady() bool {
	return !slices.ContainsFunc(x.fabric.Nodes, func(n *lab.Host) bool {
		ready, err := x.fabric.Ready(n)
		return err != nil || !ready
	})
}

// routedFigures are those of moves by BGP.
type routedFigures struct {
	answer figure   // from the decision to bgpd's answer, by the new owner's word
	route  figure   // from the address on the new owner to its route at the router
	kinds  []figure // of each kind of move: how long the router had no way, and no ping an answer
}

func (f *routedFigures) all() []figure { return append([]figure{f.answer, f.route}, f.kinds...) }

// moves does rounds of a kind of move.
func (x *routedBench) moves(k kind, f *routedFigures) {
	x.b.Helper()
	without := figure{name: k.name + ", the router without a route"}
	silence := figure{name: k.name + ", the client's longest silence"}
	defer func() { f.kinds = append(f.kinds, without, silence) }() // also of a kind that is broken off
	for range k.rounds {
		old, begin := x.speaks(), time.Now()
		gap, err := x.round(old, k)
		silence.add(x.b, gap, err)
		passage := x.router.Since(x.vip, begin)
		without.add(x.b, passage.Without(), err)
		next, route := x.route(passage, begin)
		f.route.add(x.b, route, err)
		f.answer.add(x.b, x.took(next), err)
		if k.mend != nil {
			must(x.b, k.mend(old))
		}
	}
}

// route returns who came to be on the way last, and how long that was after it had the
// address.
func (x *routedBench) route(p lab.Passage, begin time.Time) (next *lab.Node, took time.Duration) {
	x.b.Helper()
	var routed time.Time
	for _, n := range x.Nodes {
		if at, ok := p.Begin(n.Host); ok && at.After(routed) {
			next, routed = n, at
		}
	}
	if next == nil {
		x.b.Fatalf("the router has no way: %s", p)
	}
	held, _ := x.nodes[next].Since(x.vip, begin).Begin(next.Host)
	return next, routed.Sub(held)
}

// took is how long bgpd took for its last answer.
func (x *routedBench) took(n *lab.Node) time.Duration {
	x.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := api.NewClient(n.Socket()).Status(ctx)
	must(x.b, err)
	return status.BGP.Took
}

// BenchmarkBGP measures moves by what a router does, and prints, or with -record writes, a
// table.
func BenchmarkBGP(b *testing.B) {
	x := newRoutedBench(b)
	x.settled()
	x.ping()
	f := routedFigures{
		answer: figure{name: "all moves, from the decision to the answer of the new owner's bgpd"},
		route:  figure{name: "all moves, from the address on the new owner to its route at the router"},
	}
	few := max(1, *benchRounds/12) // of what takes seconds
	keep := func() { keepFigures(b, "bgp", f.all()) }
	defer keep()
	for _, k := range kinds(*benchRounds, few) {
		x.moves(k, &f)
		keep()
	}
	must(b, x.pinger.Close())
	x.end()
	report := bgpReport(b, f.all())
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, bgpRecordBegin, report))
	}
}

const bgpRecordBegin = "<!-- figures of make bench-bgp -->\n"

// bgpReport renders the section of BGP.
func bgpReport(tb testing.TB, figures []figure) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s; FRR %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb), frrVersion(tb))
	b.WriteString("| move, profile fast (H = 100 ms), three nodes | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n")
	for _, f := range figures {
		b.WriteString(f.row() + "\n")
	}
	return b.String()
}

func frrVersion(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("/usr/lib/frr/bgpd", "--version").Output()
	must(tb, err)
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(first, "bgpd version ")
}
