package checker

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// other is an entry with another spec.
func other(name string, c Checker, s Schedule) Entry {
	e := entry(name, c, s)
	e.Spec.HTTP.Requests = []Request{{URL: "/health"}}
	return e
}

func TestReloadOfTheSame(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		first, second := timesOf(not), timesOf(not)
		r.Set([]Entry{other("web", first, patient), entry("db", well, patient)})
		after(15 * time.Second)
		before := status(t, r, "web")
		r.Set([]Entry{entry("db", well, patient), other("web", second, patient)})
		if got := status(t, r, "web"); got != before {
			t.Errorf("another status by a reload: %+v\nwas %+v", got, before)
		}
		if got := r.Status()[0].Name; got != "db" {
			t.Errorf("the first one is %s, not that of the last Set", got)
		}
		looks := len(first.all())
		after(11 * time.Second)
		if len(second.all()) != 1 || len(first.all()) != looks {
			t.Errorf("%d looks of the new checker, %d of the old one", len(second.all()), len(first.all())-looks)
		}
	})
}

// TestReloadOfTheSameDuringALook: it ends as it began, and counts.
func TestReloadOfTheSameDuringALook(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		old := timesOf(stub(func(ctx context.Context) (Finding, error) {
			time.Sleep(400 * time.Millisecond)
			return Finding{Warning: "old"}, ctx.Err()
		}))
		fresh := timesOf(well)
		r.Set([]Entry{entry("web", old, prompt)})
		after(100 * time.Millisecond)
		r.Set([]Entry{entry("web", fresh, prompt)})
		after(300 * time.Millisecond)
		if s := status(t, r, "web"); s.Looks != 1 || s.State != Healthy || s.Warning != "old" {
			t.Errorf("the look under way does not count: %+v", s)
		}
		after(11 * time.Second)
		if len(old.all()) != 1 || len(fresh.all()) != 1 {
			t.Errorf("%d looks of the old checker, %d of the new one", len(old.all()), len(fresh.all()))
		}
	})
}

// TestReloadOfAWatcher: it goes on to watch, and to look.
func TestReloadOfAWatcher(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		first, second := newWatcher(well), newWatcher(well)
		r.Set([]Entry{entry("eth0", first, seldom)})
		after(time.Second)
		r.Set([]Entry{entry("eth0", second, seldom)})
		first.notices <- struct{}{}
		after(0)
		if len(first.all()) != 2 || len(second.all()) != 0 || second.watches.Load() != 0 {
			t.Errorf("looks at %s, and of the new one at %s", first.all(), second.all())
		}
	})
}

// TestReloadOfAFile: a CA that has been replaced counts from the next look on.
func TestReloadOfAFile(t *testing.T) {
	ca := newCA(t, time.Now().Add(day))
	name, server := newCA(t, time.Now().Add(day)).file(), startTLSh2(t, ca)
	spec := Spec{Kind: "tls", Target: server, TLS: TLS{CAFile: name}}
	schedule := prompt
	schedule.Interval, schedule.Timeout = 50*time.Millisecond, enough
	host, r := testHost(), NewRunner(Options{})
	set := func() {
		check, err := host.New(spec)
		must(t, err)
		r.Set([]Entry{{Name: "web", Spec: spec, Checker: check, Schedule: schedule}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	set()
	done.Go(func() { _ = r.Run(ctx) })
	awaitState(t, r, Failed)
	right, err := os.ReadFile(ca.file())
	must(t, err)
	must(t, os.WriteFile(name, right, 0o600))
	set()
	if s := status(t, r, "web"); s.State == Unknown {
		t.Errorf("the verdict is lost: %+v", s)
	}
	awaitState(t, r, Healthy)
}

// awaitState waits until the one check of a Runner is in a state.
func awaitState(t *testing.T, r *Runner, want State) {
	t.Helper()
	timeout := time.After(enough)
	for r.Status()[0].State != want {
		select {
		case <-r.Changed():
		case <-timeout:
			t.Fatalf("%+v, want %s", r.Status()[0], want)
		}
	}
}

func TestReloadOfTheSchedule(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		c := timesOf(not)
		slow := patient
		slow.Interval = time.Hour
		r.Set([]Entry{entry("web", c, slow)})
		after(time.Minute)
		before := len(c.all())
		r.Set([]Entry{entry("web", c, patient)})
		wantVerdict(t, r, "web", "failed 3 of 3: connection refused")
		after(patient.Interval)
		if len(c.all()) == before {
			t.Fatal("no look within the new interval")
		}
		after(10 * patient.Interval)
		looks := c.all()[before:]
		for i := range looks[1:] {
			if pause := looks[i+1] - looks[i]; pause < spread(patient.Interval, 0) || pause > spread(patient.Interval, 1) {
				t.Errorf("%s between looks of an interval of %s", pause, patient.Interval)
			}
		}
		wantVerdict(t, r, "web", "failed 3 of 3: connection refused")
	})
}

func TestReloadOfTheSpec(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		r.Set([]Entry{entry("web", not, prompt)})
		after(time.Second)
		wantVerdict(t, r, "web", "failed 1 of 1: connection refused")
		news(r)
		at := time.Now()
		s := prompt
		s.Warmup = time.Minute
		r.Set([]Entry{other("web", well, s)})
		wantVerdict(t, r, "web", "unknown; no look yet")
		if got := status(t, r, "web").Since; !got.Equal(at) || !news(r) {
			t.Errorf("unknown since %s, want %s, and news of it", got, at)
		}
		after(time.Minute)
		wantVerdict(t, r, "web", "healthy")
	})
}

// TestReloadDuringALook replaces a check whose look takes its time to end.
func TestReloadDuringALook(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var now, most atomic.Int32
		count := func() func() {
			most.Store(max(most.Load(), now.Add(1)))
			return func() { now.Add(-1) }
		}
		old := stub(func(ctx context.Context) (Finding, error) {
			defer count()()
			<-ctx.Done()
			time.Sleep(100 * time.Millisecond)
			return Finding{}, errRefused
		})
		fresh := timesOf(stub(func(context.Context) (Finding, error) { defer count()(); return Finding{}, nil }))
		r.Set([]Entry{entry("web", old, prompt)})
		after(50 * time.Millisecond)
		r.Set([]Entry{other("web", fresh, prompt)})
		after(99 * time.Millisecond)
		if len(fresh.all()) != 0 || status(t, r, "web").Looks != 0 {
			t.Error("it looks while the old look is under way")
		}
		after(time.Millisecond)
		wantVerdict(t, r, "web", "healthy")
		if most.Load() != 1 {
			t.Errorf("%d looks at once", most.Load())
		}
		if s := status(t, r, "web"); s.Looks != 1 || s.Failures != 0 {
			t.Errorf("the old look counts: %+v", s)
		}
	})
}

// TestReloadOfTheScheduleDuringALook must neither cut the look short nor begin another.
func TestReloadOfTheScheduleDuringALook(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		c := timesOf(stub(func(context.Context) (Finding, error) { time.Sleep(400 * time.Millisecond); return Finding{}, nil }))
		r.Set([]Entry{entry("web", c, prompt)})
		after(100 * time.Millisecond)
		quick := prompt
		quick.Interval, quick.FastInterval, quick.Timeout = 20*time.Millisecond, 20*time.Millisecond, 10*time.Millisecond
		r.Set([]Entry{entry("web", c, quick)})
		after(299 * time.Millisecond)
		wantVerdict(t, r, "web", "unknown; no look yet")
		after(time.Millisecond)
		wantVerdict(t, r, "web", "healthy")
		if seen := c.all(); len(seen) > 2 {
			t.Errorf("looks at %s", seen)
		}
	})
}

// TestReloadAtTheTimeout replaces a check whose look is late, and about to return.
func TestReloadAtTheTimeout(t *testing.T) {
	var out journal
	running(t, Options{Log: slog.New(slog.NewTextHandler(&out, nil))}, func(t *testing.T, r *Runner) {
		old := timesOf(stub(func(context.Context) (Finding, error) {
			time.Sleep(prompt.Timeout + lookGrace/2)
			return Finding{}, errRefused
		}))
		r.Set([]Entry{entry("web", old, prompt)})
		after(prompt.Timeout + lookGrace/4)
		r.Set([]Entry{other("web", well, prompt)})
		after(time.Hour)
		if len(old.all()) != 1 || strings.Contains(out.String(), "check failed") {
			t.Errorf("%d looks, log %s", len(old.all()), out.String())
		}
		wantVerdict(t, r, "web", "healthy")
	})
}

// TestReloadDuringAHang replaces a check that hangs, also by way of its removal.
func TestReloadDuringAHang(t *testing.T) {
	for _, between := range [][]Entry{nil, {}, {entry("db", well, prompt)}} {
		running(t, Options{}, func(t *testing.T, r *Runner) {
			until := make(chan struct{})
			fresh := timesOf(well)
			r.Set([]Entry{entry("web", stuck(until), patient)})
			after(100 * time.Millisecond)
			if between != nil {
				r.Set(between)
				after(100 * time.Millisecond)
			}
			r.Set([]Entry{other("web", fresh, patient)})
			after(400 * time.Millisecond)
			wantVerdict(t, r, "web", "unknown; no look yet")
			after(patient.Timeout)
			if got := status(t, r, "web").Verdict; !strings.HasPrefix(got, "unknown; failed 1 of 3: the look that began ") {
				t.Errorf("%q", got)
			}
			after(3 * time.Second)
			if s := status(t, r, "web"); s.State != Failed || len(fresh.all()) != 0 {
				t.Errorf("%d looks beside the one that hangs, %+v", len(fresh.all()), s)
			}
			close(until)
			after(30 * time.Second)
			wantVerdict(t, r, "web", "healthy")
		})
	}
}

func TestRemoval(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var canceled atomic.Bool
		c := timesOf(stub(func(ctx context.Context) (Finding, error) {
			<-ctx.Done()
			canceled.Store(ctx.Err() == context.Canceled)
			return Finding{}, ctx.Err()
		}))
		idle := timesOf(well)
		r.Set([]Entry{entry("web", c, prompt), entry("db", idle, prompt)})
		after(100 * time.Millisecond)
		r.Set(nil)
		after(0)
		if !canceled.Load() {
			t.Error("the look is not cancelled")
		}
		after(time.Minute)
		if len(r.Status()) != 0 || len(c.all()) != 1 || len(idle.all()) != 1 {
			t.Errorf("%d and %d looks, status %+v", len(c.all()), len(idle.all()), r.Status())
		}
	})
}

func TestSetBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRunner(Options{})
		w := newWatcher(well)
		r.Set([]Entry{entry("gone", w, prompt)})
		r.Set([]Entry{entry("web", well, prompt)})
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { _ = r.Run(ctx) })
		after(0)
		wantVerdict(t, r, "web", "healthy")
		if w.watches.Load() != 0 {
			t.Error("it watches for a check that is gone")
		}
		cancel()
		done.Wait()
		r.Set([]Entry{entry("web", well, prompt), entry("late", w, prompt)})
		after(time.Minute)
		wantVerdict(t, r, "late", "unknown; no look yet")
	})
}

// TestEntriesOfOneName: the last one is made, as if the others were not there.
func TestEntriesOfOneName(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		first, last := timesOf(not), timesOf(well)
		twice := []Entry{entry("web", first, patient), entry("db", well, patient), other("web", last, patient)}
		for range 2 {
			r.Set(twice)
			after(time.Minute)
			if all := r.Status(); len(all) != 2 || all[0].Name != "db" || all[1].Name != "web" {
				t.Fatalf("%+v", all)
			}
			wantVerdict(t, r, "web", "healthy")
		}
		if looks := len(first.all()); looks != 0 {
			t.Errorf("%d looks of the first one", looks)
		}
		r.Set(twice[:1])
		after(time.Minute)
		wantVerdict(t, r, "web", "failed 3 of 3: connection refused")
		if before := len(last.all()); before == 0 || len(first.all()) == 0 {
			t.Errorf("%d looks of the last one, %d of the first", before, len(first.all()))
		}
	})
}
