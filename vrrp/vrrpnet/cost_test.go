package vrrpnet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	child := keepalived(b, other, 100)
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
	master, backup := keepalived(b, n, 100), keepalived(b, other, 50)
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

// keepalived runs keepalived on a node with the crowd of instances, and returns its
// process.
func keepalived(b *testing.B, n *node, priority int) int {
	b.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		b.Skip("needs keepalived(8)")
	}
	dir := b.TempDir()
	var conf strings.Builder
	conf.WriteString("global_defs {\n vrrp_version 3\n}\n")
	for i := range crowd {
		fmt.Fprintf(&conf, "vrrp_instance v%d {\n interface eth0\n virtual_router_id %d\n priority %d\n advert_int 0.1\n virtual_ipaddress {\n 198.18.1.%d/32\n }\n}\n", i+1, i+1, priority, i+1)
	}
	file := filepath.Join(dir, "keepalived.conf")
	must(b, os.WriteFile(file, []byte(conf.String()), 0o600))
	cmd := exec.Command("keepalived", "-n", "-l", "-G", "-f", file,
		"-p", filepath.Join(dir, "p"), "-r", filepath.Join(dir, "r"), "-c", filepath.Join(dir, "c"), "-P")
	n.here()
	runtime.LockOSThread()
	must(b, cmd.Start())
	b.Cleanup(func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() })
	return cmd.Process.Pid
}
