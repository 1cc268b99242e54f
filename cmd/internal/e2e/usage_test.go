package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

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
