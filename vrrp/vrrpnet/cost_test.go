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

// measured is for how long their costs are measured.
const measured = 8 * time.Second

// BenchmarkIdle measures how much CPU time the crowd takes, in milliseconds a second,
// as perch runs it and as keepalived does.
func BenchmarkIdle(b *testing.B) {
	b.Run("perch master", func(b *testing.B) {
		n, other := newPair(b)
		other.keepalived(crowd, 100)
		n.crowd(200, vrrp.Master)
		cost(b, func() time.Duration { return processTime(b) })
	})
	b.Run("perch backup", func(b *testing.B) {
		n, other := newPair(b)
		other.keepalived(crowd, 100)
		n.crowd(50, vrrp.Backup)
		cost(b, func() time.Duration { return processTime(b) })
	})
	b.Run("perch both", func(b *testing.B) {
		n, other := newPair(b)
		n.crowd(200, vrrp.Master)
		other.crowd(50, vrrp.Backup)
		cost(b, func() time.Duration { return processTime(b) })
	})
	for _, role := range []string{"master", "backup"} {
		b.Run("keepalived "+role, func(b *testing.B) {
			n, other := newPair(b)
			pids := map[string]int{"master": n.keepalived(crowd, 100), "backup": other.keepalived(crowd, 50)}
			time.Sleep(2 * time.Second) // until they have settled
			cost(b, func() time.Duration { return timeOf(b, pids[role]) })
		})
	}
}

// crowd runs an engine with the crowd.
func (n *node) crowd(priority uint8, state vrrp.State) {
	n.t.Helper()
	n.run()
	var all []Instance
	for i := range crowd {
		all = append(all, instance(uint8(i+1), priority, func(i *Instance) {
			i.Router.Interval, i.Wire.Interval = 100*time.Millisecond, 100*time.Millisecond
		}))
	}
	n.configure(all...)
	time.Sleep(2 * time.Second) // until they have settled
	for _, i := range all {
		n.is(i.Name, state)
	}
}

// cost reports by how much a CPU time grows.
func cost(b *testing.B, read func() time.Duration) {
	for b.Loop() {
		before := read()
		time.Sleep(measured)
		b.ReportMetric(float64((read()-before).Microseconds())/1000/measured.Seconds(), "ms/s")
	}
	b.ReportMetric(0, "ns/op")
}

// processTime returns how long this process has had a CPU.
func processTime(b *testing.B) time.Duration {
	var u unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timeOf returns how long a process and its children have had a CPU.
func timeOf(b *testing.B, pid int) time.Duration {
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
