package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	benchRounds = flag.Int("rounds", 30, "rounds of each kind of move")
	benchRecord = flag.String("record", "", "file between whose markers the figures go")
)

// H of the profiles.
const (
	benchHeartbeat  = 100 * time.Millisecond // fast
	normalHeartbeat = 300 * time.Millisecond // normal, the default
)

// bench is a three-node cluster and a client that pings its VIP each millisecond.
type bench struct {
	*lab.Cluster
	b      *testing.B
	client *lab.Host
	vip    netip.Addr
	pinger *lab.Pinger
	end    func()
}

func newBench(b *testing.B, heartbeat time.Duration) *bench {
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
	for _, name := range []string{"lb1", "lb2", "lb3", "client"} {
		h, err := l.AddHost(name, sw)
		must(b, err)
		hosts = append(hosts, h)
	}
	vip := netip.MustParsePrefix("198.18.0.100/24")
	c, err := lab.NewCluster(lab.ClusterSpec{
		Binary:    perchBinary(b),
		Dir:       dir,
		Name:      "bench",
		Secret:    "a-secret-for-tests-only-0123456789",
		Heartbeat: heartbeat,
		VIPs:      []lab.VIP{{Address: vip, Interface: "eth0"}},
	}, hosts[:3]...)
	must(b, err)
	must(b, c.StartAll())
	return &bench{Cluster: c, b: b, client: hosts[3], vip: vip.Addr(), end: end}
}

// ping starts the pings, which cost the owner's host more than perch does.
func (x *bench) ping() {
	var err error
	x.pinger, err = x.client.Ping(x.vip)
	must(x.b, err)
}

// settled waits until all nodes agree on an owner, and a little longer, so that
// all have the log.
func (x *bench) settled() *lab.Node {
	x.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if owner := x.agreed(); owner != nil {
			time.Sleep(3 * benchHeartbeat)
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
	must(x.b, x.pinger.WaitAnswers(ctx, after, 100))
}

// agreed returns the owner if every node reaches every other and names it.
func (x *bench) agreed() *lab.Node {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	owner := ""
	for _, n := range x.Nodes {
		status, err := n.Status(ctx)
		if err != nil || len(status.VIPs) == 0 || !status.VIPs[0].Held || len(status.Warnings) > 0 {
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

// measure runs rounds of a move and returns the client's longest silence in each.
func (x *bench) measure(name string, rounds int, move, mend func(owner *lab.Node)) figure {
	x.b.Helper()
	f := figure{name: name}
	for range rounds {
		owner := x.settled()
		x.answered(time.Now())
		begin := time.Now()
		move(owner)
		x.answered(time.Now().Add(benchHeartbeat))
		f.samples = append(f.samples, x.pinger.Since(begin).Gap)
		mend(owner)
	}
	x.b.Log(f.row())
	return f
}

// BenchmarkFailover measures the outage of each kind of move, and prints, or
// with -record writes, a table.
func BenchmarkFailover(b *testing.B) {
	calm := newBench(b, normalHeartbeat)
	idle := calm.idle("normal")
	calm.end()
	x := newBench(b, benchHeartbeat)
	limit := func() context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		b.Cleanup(cancel)
		return ctx
	}
	nothing := func(*lab.Node) {}
	start := func(n *lab.Node) { must(b, n.Start()) }
	thaw := func(n *lab.Node) { must(b, n.Process().Signal(syscall.SIGCONT)) }
	idle = append(idle, x.idle("fast")...)
	x.ping()
	figures := []figure{
		x.measure("link of the owner cut", *benchRounds,
			func(n *lab.Node) { must(b, n.Host.Eth0.Cut()) },
			func(n *lab.Node) { must(b, n.Host.Eth0.Splice()) }),
		x.measure("SIGKILL of the owner", *benchRounds, func(n *lab.Node) { must(b, n.Kill()) }, start),
		x.measure("SIGSTOP of the owner", *benchRounds,
			func(n *lab.Node) { must(b, n.Process().Signal(syscall.SIGSTOP)) }, thaw),
		x.successions("SIGSTOP of the owner, from the signal to the first answer of another node", *benchRounds,
			func(n *lab.Node) { must(b, n.Process().Signal(syscall.SIGSTOP)) }, thaw),
		x.measure("`perch transfer`", *benchRounds, func(n *lab.Node) {
			if _, err := api.NewClient(n.Socket()).Transfer(limit(), ""); err != nil {
				b.Logf("transfer: %v", err)
			}
		}, nothing),
		x.measure("SIGTERM of the owner", *benchRounds,
			func(n *lab.Node) { must(b, n.Terminate(limit())) }, start),
		{"bare library: LeadershipTransfer, no VIP, no TLS", bareTransfers(b, b.TempDir(), benchHeartbeat, *benchRounds)},
		{"hand-over whose target dies at the release: given up, taken back", givenUp(b, benchHeartbeat, *benchRounds)},
		{"fdatasync of 4 KiB on this disk", fdatasyncs(b, b.TempDir())},
	}
	report := x.report(figures, idle)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, recordBegin, report))
	}
}

// figure is a set of samples under a name.
type figure struct {
	name    string
	samples []time.Duration
}

func (f figure) row() string {
	return fmt.Sprintf("| %s | %d | %s | %s | %s |", f.name, len(f.samples), ms(f.quantile(0.5)), ms(f.quantile(0.99)), ms(f.quantile(1)))
}

// quantile returns the nearest-rank quantile.
func (f figure) quantile(q float64) time.Duration {
	if len(f.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.samples))
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[max(min(rank, len(sorted)-1), 0)]
}

func ms(d time.Duration) string { return strconv.FormatFloat(d.Seconds()*1000, 'f', 1, 64) }

// idle measures what the nodes use while nothing happens.
func (x *bench) idle(profile string) []string {
	x.b.Helper()
	owner := x.settled()
	const during = 20 * time.Second
	before := map[*lab.Node]time.Duration{}
	for _, n := range x.Nodes {
		before[n] = cpuTime(x.b, n)
	}
	time.Sleep(during)
	var rows []string
	for _, n := range x.Nodes {
		used := cpuTime(x.b, n) - before[n]
		role := "standby"
		if n == owner {
			role = "owner"
		}
		rows = append(rows, fmt.Sprintf("| %s, %s | %.2f %% | %.1f MB |", profile, role, 100*used.Seconds()/during.Seconds(), residentMB(x.b, n)))
	}
	slices.Sort(rows)
	return rows
}

// cpuTime reads what a node's process has used (proc(5), stat fields 14 and 15).
func cpuTime(tb testing.TB, n *lab.Node) time.Duration {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.Process().PID()))
	must(tb, err)
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] {
		v, err := strconv.ParseInt(field, 10, 64)
		must(tb, err)
		ticks += v
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

func residentMB(tb testing.TB, n *lab.Node) float64 {
	tb.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Process().PID()))
	must(tb, err)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			must(tb, err)
			return kb / 1024
		}
	}
	tb.Fatal("no VmRSS")
	return 0
}

// report renders all figures as Markdown.
func (x *bench) report(figures []figure, idle []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(x.b))
	b.WriteString("| move, profile fast (H = 100 ms), three nodes | rounds | median ms | p99 ms | longest ms |\n|---|---|---|---|---|\n")
	for _, f := range figures {
		b.WriteString(f.row() + "\n")
	}
	b.WriteString("\n| idle node, by profile | of one core | resident |\n|---|---|---|\n")
	b.WriteString(strings.Join(idle, "\n") + "\n")
	fmt.Fprintf(&b, "\nStatic binary, stripped: %.1f MB.\n", strippedMB(x.b))
	return b.String()
}

// strippedMB builds perch as `make build` does and returns its size.
func strippedMB(tb testing.TB) float64 {
	tb.Helper()
	path := tb.TempDir() + "/perch"
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/perch-vip/perch/cmd/perch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(path)
	must(tb, err)
	return float64(info.Size()) / 1e6
}

func machineName(tb testing.TB) string {
	tb.Helper()
	var u unix.Utsname
	must(tb, unix.Uname(&u))
	cpu := "unknown CPU"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, namespaces on one machine", cpu, runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), runtime.Version())
}

// Markers of the part of a file that record replaces.
const (
	recordBegin = "<!-- figures of make bench-failover -->\n"
	recordEnd   = "<!-- end of figures -->\n"
)

// record puts a report between two markers of a file.
func record(path, begin, report string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, ok2 := strings.Cut(rest, recordEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the markers of the figures", path)
	}
	return os.WriteFile(path, []byte(head+begin+report+recordEnd+tail), 0o644)
}
