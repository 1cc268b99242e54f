package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// idle measures what the nodes use while nothing happens.
func (x *bench) idle(profile string) []string {
	x.b.Helper()
	owner := x.settled()
	const during = 20 * time.Second
	before := map[*lab.Node]time.Duration{}
	for _, n := range x.Nodes {
		before[n] = cpuTime(x.b, &n.Daemon)
	}
	time.Sleep(during)
	var rows []string
	for _, n := range x.Nodes {
		used := cpuTime(x.b, &n.Daemon) - before[n]
		role := "standby"
		if n == owner {
			role = "owner"
		}
		rows = append(rows, fmt.Sprintf("| %s, %s | %.2f %% | %.1f MB |", profile, role, 100*used.Seconds()/during.Seconds(), residentMB(x.b, &n.Daemon)))
	}
	slices.Sort(rows)
	return rows
}

// cpuTime reads what the processes of a daemon have used (proc(5), stat fields 14 and 15).
func cpuTime(tb testing.TB, d *lab.Daemon) time.Duration {
	tb.Helper()
	var ticks int64
	for _, stat := range stats(tb, d) {
		for _, field := range stat[11:13] {
			v, err := strconv.ParseInt(field, 10, 64)
			must(tb, err)
			ticks += v
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// busyTime is what the processes that there are have used, to the nanosecond: the clock of each
// (clock_getcpuclockid(3)).
func busyTime(tb testing.TB, d *lab.Daemon) time.Duration {
	tb.Helper()
	var sum time.Duration
	for pid := range stats(tb, d) {
		const scheduled = 2 // CPUCLOCK_SCHED, of all threads
		var ts unix.Timespec
		must(tb, unix.ClockGettime(int32(^pid<<3|scheduled), &ts))
		sum += time.Duration(ts.Nano())
	}
	return sum
}

// residentMB reads how much memory they have, all in all (stat field 24).
func residentMB(tb testing.TB, d *lab.Daemon) float64 {
	tb.Helper()
	var pages int64
	for _, stat := range stats(tb, d) {
		v, err := strconv.ParseInt(stat[21], 10, 64)
		must(tb, err)
		pages += v
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}

// stats returns the fields from 3 on of the stat of each process of a daemon, by its number.
// A daemon has a process group of its own (field 5).
func stats(tb testing.TB, d *lab.Daemon) map[int][]string {
	tb.Helper()
	group := strconv.Itoa(d.Process().PID())
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	must(tb, err)
	found := map[int][]string{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		text := string(data)
		fields := strings.Fields(text[strings.LastIndex(text, ") ")+2:])
		if fields[2] == group {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			must(tb, err)
			found[pid] = fields
		}
	}
	if len(found) == 0 {
		tb.Fatalf("%s has no process", d.Name)
	}
	return found
}
