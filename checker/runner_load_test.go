package checker

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// fleet returns entries that look each second, or once an hour.
func fleet(n int, c Checker, interval time.Duration) []Entry {
	s := prompt
	s.Interval, s.FastInterval, s.Warmup = interval, interval, interval
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = entry(fmt.Sprint(i), c, s)
	}
	return entries
}

func TestAMillionLooks(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var looks atomic.Int64
		r.Set(fleet(2000, stub(func(context.Context) (Finding, error) {
			looks.Add(1)
			return Finding{}, nil
		}), time.Second))
		after(time.Second)
		before := runtime.NumGoroutine()
		enough, each := int64(1_000_000), uint64(400)
		if raceDetector() {
			enough, each = enough/10, each/10
		}
		for looks.Load() < enough {
			after(10 * time.Second)
			if now := runtime.NumGoroutine(); now > before+10 {
				t.Fatalf("%d goroutines, %d before", now, before)
			}
		}
		for _, s := range r.Status() {
			if s.State != Healthy || s.Looks < each {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// raceDetector returns whether the test runs with it, a tenth as fast.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// TestIdleChecksAreCheap is a bound of memory and goroutines, by far.
func TestIdleChecksAreCheap(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		const n, most = 5000, 2048
		entries := fleet(n, well, time.Hour)
		goroutines, before := runtime.NumGoroutine(), heapInUse()
		r.Set(entries)
		after(0)
		each := (int64(heapInUse()) - int64(before)) / n
		t.Logf("%d bytes for each check", each)
		if each > most {
			t.Errorf("%d bytes for each check, want at most %d", each, most)
		}
		if now := runtime.NumGoroutine(); now > goroutines+10 {
			t.Errorf("%d goroutines, %d before", now, goroutines)
		}
		runtime.KeepAlive(entries)
	})
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestALookAllocatesLittle(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		const checks, most = 100, 40
		r.Set(fleet(checks, well, time.Second))
		after(time.Minute)
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		looks := total(r)
		after(100 * time.Second)
		runtime.ReadMemStats(&now)
		looks = total(r) - looks
		each := (now.Mallocs - before.Mallocs) / looks
		t.Logf("%d allocations, %d bytes for each look", each, (now.TotalAlloc-before.TotalAlloc)/looks)
		if each > most {
			t.Errorf("%d allocations for each look, want at most %d", each, most)
		}
	})
}

func total(r *Runner) (looks uint64) {
	for _, s := range r.Status() {
		looks += s.Looks
	}
	return looks
}

// TestInRealTime is without the help of synctest.
func TestInRealTime(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	r := NewRunner(Options{Limit: 8})
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	var looks atomic.Int64
	enough := make(chan struct{})
	c := stub(func(context.Context) (Finding, error) {
		if looks.Add(1) == 1000 {
			close(enough)
		}
		return Finding{}, nil
	})
	for i := range 10 {
		entries := fleet(100, newWatcher(c), 10*time.Millisecond)
		entries[i] = other(entries[i].Name, c, entries[i].Schedule)
		r.Set(entries)
		r.Status()
	}
	<-enough
	cancel()
	<-done
}

func BenchmarkStatus(b *testing.B) {
	r := NewRunner(Options{})
	r.Set(fleet(5000, well, time.Hour))
	for b.Loop() {
		r.Status()
	}
}

func BenchmarkSetOfTheSame(b *testing.B) {
	r := NewRunner(Options{})
	entries := fleet(5000, well, time.Hour)
	for b.Loop() {
		r.Set(entries)
	}
}
