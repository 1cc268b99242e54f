package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	benchRounds = flag.Int("rounds", 30, "rounds of each kind of planned move, and of VRRP mode; of the others half as many")
	benchRecord = flag.String("record", "", "file between whose markers the figures go")
)

// H of the profiles.
const (
	benchHeartbeat  = 100 * time.Millisecond // fast
	normalHeartbeat = 300 * time.Millisecond // normal, the default
)

// bench is a cluster and a client that pings its VIP.
type bench struct {
	*lab.Cluster
	b      *testing.B
	client *lab.Host
	vip    netip.Addr
	pinger *lab.Pinger
	end    func()
}

func newBench(b *testing.B, heartbeat time.Duration, fence string) *bench {
	b.Helper()
	return newBenchOf(b, 3, heartbeat, fence)
}

// newBenchOf starts a cluster of so many nodes.
func newBenchOf(b *testing.B, nodes int, heartbeat time.Duration, fence string) *bench {
	b.Helper()
	x := prepareBench(b, nodes, heartbeat, fence)
	must(b, x.StartAll())
	return x
}

// prepareBench writes the files of the nodes and starts none.
func prepareBench(b *testing.B, nodes int, heartbeat time.Duration, fence string) *bench {
	b.Helper()
	lab.NeedRoot(b)
	dir := tempDir(b)
	l, err := lab.New()
	must(b, err)
	end := sync.OnceFunc(func() { must(b, l.Close()) })
	b.Cleanup(end)
	sw, err := l.AddSwitch()
	must(b, err)
	var hosts []*lab.Host
	for i := range nodes {
		h, err := l.AddHost(fmt.Sprintf("lb%d", i+1), sw)
		must(b, err)
		hosts = append(hosts, h)
	}
	client, err := l.AddHost("client", sw)
	must(b, err)
	vip := netip.MustParsePrefix("198.18.0.100/24")
	c, err := lab.NewCluster(lab.ClusterSpec{
		Binary:    perchBinary(b),
		Dir:       dir,
		Name:      "bench",
		Secret:    "a-secret-for-tests-only-0123456789",
		Heartbeat: heartbeat,
		Fence:     fence,
		VIPs:      []lab.VIP{{Address: vip, Interface: "eth0"}},
	}, hosts...)
	must(b, err)
	return &bench{Cluster: c, b: b, client: client, vip: vip.Addr(), end: end}
}

// ping starts the pings, one a millisecond, which cost the owner's host more than perch does.
func (x *bench) ping() { x.pingEvery(lab.PingInterval) }

func (x *bench) pingEvery(interval time.Duration) {
	var err error
	x.pinger, err = x.client.PingEvery(x.vip, interval)
	must(x.b, err)
}

// settled waits until all nodes agree on an owner, and a little longer, so that
// all have the log.
func (x *bench) settled() *lab.Node {
	x.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if owner := x.agreed(); owner != nil {
			time.Sleep(benchHeartbeat)
			return owner
		}
	}
	x.b.Fatal("the cluster does not settle")
	return nil
}

// answered waits until the VIP answers, and goes on to.
func (x *bench) answered(after time.Time) {
	x.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(x.b, x.pinger.WaitAnswers(ctx, after, 20))
}

// worth tells whether a warning is one to wait for: those of a fence switched off and of a
// check that failed stay.
func worth(warning string) bool {
	return !strings.HasPrefix(warning, "fence off on ") && !strings.Contains(warning, " is sick: ")
}

// agreed returns the owner if every node reaches every other and names it.
func (x *bench) agreed() *lab.Node {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	owner := ""
	for _, n := range x.Nodes {
		status, err := api.NewClient(n.Socket()).Status(ctx)
		if err != nil || len(status.VIPs) == 0 || !status.VIPs[0].Held || slices.ContainsFunc(status.Warnings, worth) {
			return nil
		}
		if owner == "" {
			owner = status.VIPs[0].Owner
		}
		if status.VIPs[0].Owner != owner {
			return nil
		}
	}
	return x.Node(owner)
}

// moved waits until another node than old tells that the VIPs went from there for
// the reason, and returns what it tells instead if it does not come to that.
func (x *bench) moved(old *lab.Node, reason string) error {
	witness := x.Nodes[0]
	if witness == old {
		witness = x.Nodes[1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	last := errors.New("the history was not read")
	for {
		history, err := api.NewClient(witness.Socket()).History(ctx)
		if err == nil {
			last = movedAway(history, old.Name, reason)
		}
		if last == nil {
			return nil
		}
		if ctx.Err() != nil {
			return last // not that the time was over, whatever was under way then
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kind is a kind of move.
type kind struct {
	name   string
	rounds int
	reason string // part of the history's
	move   func(ctx context.Context, owner *lab.Node) error
	mend   func(owner *lab.Node) error // nil if there is nothing to mend
}

// measure does rounds of a kind and notes the client's longest silence in each.
func (x *bench) measure(k kind) figure {
	x.b.Helper()
	f := figure{name: k.name}
	x.measureInto(&f, k)
	return f
}

func (x *bench) measureInto(f *figure, k kind) {
	x.b.Helper()
	for range k.rounds {
		gap, err := x.once(k)
		f.add(x.b, gap, err)
	}
	x.b.Log(f.row())
}

// once does one round of a kind from a cluster that has settled, and mends what it did.
func (x *bench) once(k kind) (gap time.Duration, err error) {
	x.b.Helper()
	owner := x.settled()
	x.answered(time.Now())
	gap, err = x.round(owner, k)
	if k.mend != nil {
		must(x.b, k.mend(owner))
	}
	return gap, err
}

// round does one move. Whatever kept the VIPs where they were is an error: the
// silence would be none.
func (x *bench) round(owner *lab.Node, k kind) (gap time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	begin := time.Now()
	if err := k.move(ctx, owner); err != nil {
		return 0, err
	}
	x.answered(time.Now().Add(benchHeartbeat))
	gap = x.pinger.Since(begin).Gap
	return gap, x.moved(owner, k.reason)
}

func thaw(n *lab.Node) error { return n.Process().Signal(syscall.SIGCONT) }

// kinds are the moves of which the client's silence is measured.
func kinds(planned, unplanned int) []kind {
	const silence = "lost contact with " // and the old owner's name
	return []kind{
		{
			"link of the owner cut", unplanned, silence,
			func(_ context.Context, n *lab.Node) error { return n.Host.Eth0.Cut() },
			func(n *lab.Node) error { return n.Host.Eth0.Splice() },
		},
		{
			"SIGKILL of the owner", unplanned, silence,
			func(_ context.Context, n *lab.Node) error { return n.Kill() },
			(*lab.Node).Start,
		},
		{
			"SIGSTOP of the owner", unplanned, silence,
			func(_ context.Context, n *lab.Node) error { return n.Process().Signal(syscall.SIGSTOP) },
			thaw,
		},
		{
			"`perch transfer`", planned, askedFor,
			func(ctx context.Context, n *lab.Node) error {
				_, err := api.NewClient(n.Socket()).Transfer(ctx, "")
				return err
			},
			nil,
		},
		{
			"SIGTERM of the owner", planned, wasStopped,
			func(ctx context.Context, n *lab.Node) error { return n.Terminate(ctx) },
			(*lab.Node).Start,
		},
	}
}

// idleRows measures what nodes use while nothing happens, by profile, and without a
// fence, which shows what it costs.
func idleRows(b *testing.B) []string {
	var rows []string
	for _, k := range []struct {
		name      string
		heartbeat time.Duration
		fence     string
	}{
		{"normal", normalHeartbeat, ""},
		{"fast", benchHeartbeat, ""},
		{"fast without a fence", benchHeartbeat, "off"},
	} {
		x := newBench(b, k.heartbeat, k.fence)
		rows = append(rows, x.idle(k.name)...)
		x.end()
	}
	return rows
}

// BenchmarkIdle prints the rows of idle nodes alone.
func BenchmarkIdle(b *testing.B) {
	fmt.Println(strings.Join(idleRows(b), "\n"))
}

// BenchmarkFailover measures the outage of each kind of move, and prints, or
// with -record writes, a table.
func BenchmarkFailover(b *testing.B) {
	idle := idleRows(b)
	x := newBench(b, benchHeartbeat, "")
	x.settled()
	x.ping()
	unplanned := (*benchRounds + 1) / 2
	var figures []figure
	keep := func() { keepFigures(b, "failover", figures) }
	defer keep()
	for _, k := range kinds(*benchRounds, unplanned) {
		figures = append(figures, figure{name: k.name})
		x.measureInto(&figures[len(figures)-1], k)
		keep()
	}
	figures = append(figures, x.successions("SIGSTOP of the owner, from the signal to the first answer of another node", unplanned,
		func(n *lab.Node) { must(b, n.Process().Signal(syscall.SIGSTOP)) },
		func(n *lab.Node) { must(b, thaw(n)) }))
	must(b, x.pinger.Close())
	x.end()
	figures = append(figures,
		bareTransfers(b, benchHeartbeat, *benchRounds),
		givenUp(b, "dies", syscall.SIGKILL, unplanned),
		givenUp(b, "freezes", syscall.SIGSTOP, unplanned),
		figure{name: "fdatasync of 4 KiB on this disk", samples: fdatasyncs(b, b.TempDir())},
	)
	report := benchReport(b, figures, idle)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, recordBegin, report))
	}
}
