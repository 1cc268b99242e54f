package vrrpnet

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// crowd is how many instances the benchmarks have, at 100 ms.
const crowd = 200

// BenchmarkIdle measures what 200 instances cost at 100 ms: CPU seconds a second, as
// the master and as the backup, beside keepalived.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		b.Run("perch master", func(b *testing.B) { benchmarkPerch(b, 200) })
		b.Run("perch backup", func(b *testing.B) { benchmarkPerch(b, 50) })
		b.Run("keepalived", benchmarkKeepalived)
	}
}

// measured is for how long the costs are measured.
const measured = 8 * time.Second

// benchmarkPerch measures this process against keepalived.
func benchmarkPerch(b *testing.B, priority uint8) {
	node, other := newPair(b)
	child := other.keepalived(crowd, 100)
	stop := node.run()
	defer stop()
	var all []Instance
	for i := range crowd {
		all = append(all, instance(uint8(i+1), priority, func(i *Instance) {
			i.Router.Interval, i.Wire.Interval = 100*time.Millisecond, 100*time.Millisecond
		}))
	}
	node.configure(all...)
	state := vrrp.Master
	if priority < 100 {
		state = vrrp.Backup
	}
	time.Sleep(2 * time.Second)
	for _, i := range all {
		node.is(i.Name, state)
	}
	ours, theirs := processTime(b), childTime(b, child)
	time.Sleep(measured)
	ours, theirs = processTime(b)-ours, childTime(b, child)-theirs
	b.ReportMetric(float64(ours.Milliseconds())/measured.Seconds(), "ms/s")
	b.ReportMetric(float64(theirs.Milliseconds())/measured.Seconds(), "keepalived-ms/s")
	b.ReportMetric(0, "ns/op")
}

// benchmarkKeepalived measures keepalived against itself.
func benchmarkKeepalived(b *testing.B) {
	n, other := newPair(b)
	master, backup := n.keepalived(crowd, 100), other.keepalived(crowd, 50)
	time.Sleep(2 * time.Second)
	m, k := childTime(b, master), childTime(b, backup)
	time.Sleep(measured)
	m, k = childTime(b, master)-m, childTime(b, backup)-k
	b.ReportMetric(float64(m.Milliseconds())/measured.Seconds(), "master-ms/s")
	b.ReportMetric(float64(k.Milliseconds())/measured.Seconds(), "backup-ms/s")
	b.ReportMetric(0, "ns/op")
}

// processTime returns how long this process has had a CPU.
func processTime(b *testing.B) time.Duration {
	var u unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// childTime returns how long a process and its children have had a CPU.
func childTime(b *testing.B, pid int) time.Duration {
	var sum time.Duration
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	must(b, err)
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
		itself := filepath.Base(filepath.Dir(file)) == strconv.Itoa(pid)
		if parent, _ := strconv.Atoi(fields[1]); parent != pid && !itself {
			continue
		}
		for _, f := range fields[11:13] {
			ticks, _ := strconv.Atoi(f)
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}
