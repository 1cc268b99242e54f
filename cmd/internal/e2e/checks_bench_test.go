package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var benchLooks = flag.Int("looks", 1_000_000, "looks after which it is seen whether anything has grown")

// symptom is what a node falls sick of, as soon as its check sees it.
type symptom struct {
	name  string
	check func(n *lab.Node) []string
	// prepare makes the node well, and returns what makes it sick.
	prepare func(tb testing.TB, n *lab.Node) (begin func())
}

var symptoms = []symptom{
	{"a file removed (kind file)", func(n *lab.Node) []string {
		return []string{`kind = "file"`, fmt.Sprintf("target = %q", flagOf(n))}
	}, makeFlag},
	{"a process killed (kind process)", func(n *lab.Node) []string {
		return []string{`kind = "process"`, fmt.Sprintf("pidfile = %q", flagOf(n))}
	}, startProcess},
}

func flagOf(n *lab.Node) string { return filepath.Join(n.Dir, "flag") }

func makeFlag(tb testing.TB, n *lab.Node) func() {
	tb.Helper()
	must(tb, os.WriteFile(flagOf(n), nil, 0o600))
	return func() { must(tb, os.Remove(flagOf(n))) }
}

// startProcess starts a process and writes its number into the flag.
func startProcess(tb testing.TB, n *lab.Node) func() {
	tb.Helper()
	p, err := n.Host.Start(exec.Command("sleep", "3600"))
	must(tb, err)
	must(tb, os.WriteFile(flagOf(n), fmt.Appendln(nil, p.PID()), 0o600))
	return func() { must(tb, p.Signal(syscall.SIGKILL)) }
}

// falls measures how long it takes from the symptom of the owner to the first word of
// another node for the VIP, and the client's longest silence. A node that was left is held
// down for a while, so that each cluster is good for two rounds.
func falls(b *testing.B, s symptom, rounds int) (moved, silence figure) {
	b.Helper()
	moved.name = s.name + ", to the VIP on another node"
	silence.name = s.name + ", the client's longest silence"
	for len(moved.samples)+moved.dropped < rounds {
		x, begins := newSickbay(b, s)
		observer, err := x.client.Observe(x.vip)
		must(b, err)
		for range 2 {
			owner := x.wellSettled()
			x.answered(time.Now())
			took, gap, err := x.fall(owner, observer, begins[owner])
			moved.add(b, took, err)
			silence.add(b, gap, err)
		}
		must(b, observer.Close())
		x.end()
	}
	b.Log(moved.row())
	b.Log(silence.row())
	return moved, silence
}

// newSickbay starts a cluster whose nodes are well, and returns what makes each sick.
func newSickbay(b *testing.B, s symptom) (x *bench, begins map[*lab.Node]func()) {
	b.Helper()
	begins = map[*lab.Node]func(){}
	x = prepareBench(b, 3, benchHeartbeat, "")
	for _, n := range x.Nodes {
		begins[n] = s.prepare(b, n)
		addTables(b, n, check("flag", append(s.check(n), "rise = 1", "fall = 1")...))
		setKey(b, n, `track = ["flag"]`)
	}
	must(b, x.StartAll())
	x.ping()
	return x, begins
}

// wellSettled waits until all nodes agree on an owner, and it is well and knows who would
// be the next one. Its status asks the others how they are, while it goes by what they
// have told it: whoever found its port closed at the start tells it within half a second.
func (x *bench) wellSettled() (owner *lab.Node) {
	x.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if owner = x.settled(); x.hasNext(owner) {
			time.Sleep(500 * time.Millisecond)
			return owner
		}
	}
	x.b.Fatal("no other node can take over")
	return nil
}

func (x *bench) hasNext(owner *lab.Node) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, err := api.NewClient(owner.Socket()).Status(ctx)
	if err != nil || status.Cluster == nil {
		return false
	}
	next := false
	for _, n := range status.Cluster.Nodes {
		if n.Name == owner.Name && n.Health != api.HealthHealthy {
			return false
		}
		next = next || strings.Contains(n.Why, "would be next")
	}
	return next
}

func (x *bench) fall(owner *lab.Node, o *lab.Observer, begin func()) (took, gap time.Duration, err error) {
	x.b.Helper()
	at := time.Now()
	begin()
	err = x.moved(owner, "flag")
	x.answered(time.Now())
	gap = x.pinger.Since(at).Gap
	seen, errTake := o.Take()
	must(x.b, errTake)
	i := slices.IndexFunc(seen.Sightings, func(s lab.Sighting) bool {
		return s.At.After(at) && s.From != lab.MAC(owner.Host.Eth0.MAC)
	})
	if i < 0 {
		x.b.Fatal("no other node has spoken for the VIP")
	}
	return seen.Sightings[i].At.Sub(at), gap, err
}

// BenchmarkChecks measures checks and what follows from them, and prints, or with -record
// writes, tables.
func BenchmarkChecks(b *testing.B) {
	var figures []figure
	b.Run("moves", func(b *testing.B) {
		for _, s := range symptoms {
			moved, silence := falls(b, s, *benchRounds)
			figures = append(figures, moved, silence)
			keepFigures(b, "checks", figures)
		}
	})
	var rows []contest
	var growth []contest
	defer func() {
		keepRows(b, "checks-programs", contestHeader, slices.Concat(contestRows(rows, "perch", "HAProxy"), contestRows(growth, "now", "before")))
	}()
	b.Run("rate", func(b *testing.B) { rows = append(rows, rates(b)...) })
	b.Run("memory", func(b *testing.B) { rows = append(rows, crowd(b)...) })
	b.Run("growth", func(b *testing.B) { growth = endurance(b) })
	if b.Failed() {
		return
	}
	report := checksReport(b, figures, rows, growth)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, checksRecordBegin, report))
	}
}

const checksRecordBegin = "<!-- figures of make bench-checks -->\n"

// checksReport renders the section of checks.
func checksReport(tb testing.TB, moves []figure, rows, growth []contest) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s; HAProxy %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb), haproxyVersion(tb))
	b.WriteString("| the owner falls sick, profile fast (H = 100 ms), three nodes | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n")
	for _, f := range moves {
		b.WriteString(f.row() + "\n")
	}
	b.WriteString("\n| | perch | HAProxy | ratio | at most |\n|---|---|---|---|---|\n")
	for _, c := range rows {
		b.WriteString(c.row() + "\n")
	}
	b.WriteString("\n| perch, 1,000 checks by HTTP each 100 ms | now | before | ratio | at most |\n|---|---|---|---|---|\n")
	for _, c := range growth {
		b.WriteString(c.row() + "\n")
	}
	return b.String()
}

func haproxyVersion(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("haproxy", "-v").Output()
	must(tb, err)
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		tb.Fatalf("HAProxy tells no version: %s", out)
	}
	return fields[2]
}
