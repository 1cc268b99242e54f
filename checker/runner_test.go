package checker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = errors.New("connection refused")

// stub is a Checker that is a function.
type stub func(ctx context.Context) (Finding, error)

func (s stub) Check(ctx context.Context) (Finding, error) { return s(ctx) }

// well is a Checker for what is well, and not for what is not.
var (
	well = stub(func(context.Context) (Finding, error) { return Finding{}, nil })
	not  = stub(func(context.Context) (Finding, error) { return Finding{}, errRefused })
)

// stuck returns a Checker that returns when until is closed, whatever its context says.
func stuck(until <-chan struct{}) stub {
	return func(context.Context) (Finding, error) { <-until; return Finding{}, nil }
}

// times is a Checker that writes down when it looks, since it was made.
type times struct {
	Checker
	made time.Time

	mu   sync.Mutex
	seen []time.Duration
}

func timesOf(c Checker) *times { return &times{Checker: c, made: time.Now()} }

func (c *times) Check(ctx context.Context) (Finding, error) {
	c.mu.Lock()
	c.seen = append(c.seen, time.Since(c.made))
	c.mu.Unlock()
	return c.Checker.Check(ctx)
}

func (c *times) all() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.seen...)
}

// prompt is without warm-up, and one look is a verdict.
var prompt = Schedule{
	Interval:     10 * time.Second,
	FastInterval: time.Second,
	Timeout:      500 * time.Millisecond,
	Rise:         1,
	Fall:         1,
}

// patient is prompt with more looks to a verdict.
var patient = func() Schedule { s := prompt; s.Rise, s.Fall = 2, 3; return s }()

func entry(name string, c Checker, s Schedule) Entry {
	return Entry{Name: name, Spec: Spec{Kind: "stub"}, Checker: c, Schedule: s}
}

// running runs a Runner in virtual time while f does. That nothing it has started is left
// is what synctest looks for.
func running(t *testing.T, opts Options, f func(t *testing.T, r *Runner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := NewRunner(opts)
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		f(t, r)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // for looks that it has left behind, since they take long
	})
}

// after lets time pass, and what is due at its end be done.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// status returns that of the check of a name.
func status(t *testing.T, r *Runner, name string) Status {
	t.Helper()
	for _, s := range r.Status() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no check %s", name)
	return Status{}
}

func wantVerdict(t *testing.T, r *Runner, name, want string) {
	t.Helper()
	if s := status(t, r, name); s.Verdict != want {
		t.Errorf("%s: %q, want %q", name, s.Verdict, want)
	}
}

// news returns whether Changed has told of something since.
func news(r *Runner) bool {
	select {
	case <-r.Changed():
		return true
	default:
		return false
	}
}

// journal is what was logged.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.String()
}

// fickle is a Checker that finds what it was told last.
type fickle struct{ atomic.Pointer[fickleness] }

type fickleness struct {
	finding Finding
	err     error
}

func (f *fickle) set(finding Finding, err error) { f.Store(&fickleness{finding, err}) }

func (f *fickle) Check(context.Context) (Finding, error) {
	said := f.Load()
	return said.finding, said.err
}

// nextLook waits for the next look of a check.
func nextLook(t *testing.T, r *Runner, name string) {
	t.Helper()
	for looks := status(t, r, name).Looks; status(t, r, name).Looks == looks; {
		after(100 * time.Millisecond)
	}
}

func TestVerdict(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var checker fickle
		checker.set(Finding{}, errRefused)
		s := patient
		s.Warmup = time.Minute
		s.Interval = s.FastInterval
		r.Set([]Entry{entry("web", &checker, s)})
		wantVerdict(t, r, "web", "unknown; no look yet")
		look := func(want string) {
			t.Helper()
			nextLook(t, r, "web")
			wantVerdict(t, r, "web", want)
		}
		look("unknown; failed 1 of 3: connection refused")
		look("unknown; failed 2 of 3: connection refused")
		look("failed 3 of 3: connection refused")
		look("failed 3 of 3: connection refused")
		checker.set(Finding{}, nil)
		look("failed 3 of 3: connection refused; well 1 of 2")
		checker.set(Finding{}, errRefused)
		look("failed 3 of 3: connection refused")
		checker.set(Finding{}, nil)
		look("failed 3 of 3: connection refused; well 1 of 2")
		look("healthy")
		checker.set(Finding{}, errRefused)
		look("healthy; failed 1 of 3: connection refused")
		if s := status(t, r, "web"); s.OK || s.Error != "connection refused" || s.InRow != 1 || s.Looks != 9 || s.Failures != 6 || s.Kind != "stub" {
			t.Errorf("%+v", s)
		}
	})
}

func TestSince(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		set := time.Now()
		s := patient
		r.Set([]Entry{entry("web", not, s)})
		after(0)
		if got := status(t, r, "web"); !got.Since.Equal(set) || !got.Last.Equal(set) {
			t.Errorf("since %s, last look %s, want both %s", got.Since, got.Last, set)
		}
		after(time.Minute)
		if got := status(t, r, "web").Since.Sub(set); got < 1800*time.Millisecond || got > 2200*time.Millisecond {
			t.Errorf("failed after %s, want 2 fast intervals", got)
		}
	})
}

func TestJitter(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var checks []*times
		var entries []Entry
		s := prompt
		s.Warmup = s.Interval
		for i := range 100 {
			checks = append(checks, timesOf(well))
			entries = append(entries, entry(fmt.Sprint(i), checks[i], s))
		}
		r.Set(entries)
		after(time.Hour)
		firsts, gaps := extremes{}, extremes{}
		for _, c := range checks {
			seen := c.all()
			firsts.add(seen[0])
			for i, at := range seen[1:] {
				gaps.add(at - seen[i])
			}
		}
		firsts.want(t, "first looks", 0, s.Interval)
		gaps.want(t, "intervals", s.Interval*9/10, s.Interval*11/10)
	})
}

// extremes are the least and the most of durations.
type extremes struct {
	any         bool
	least, most time.Duration
}

func (e *extremes) add(d time.Duration) {
	if !e.any {
		*e = extremes{true, d, d}
	}
	e.least, e.most = min(e.least, d), max(e.most, d)
}

// want checks that they lie within bounds and use a good part of what there is.
func (e *extremes) want(t *testing.T, what string, low, high time.Duration) {
	t.Helper()
	if e.least < low || e.most > high+time.Millisecond || e.most-e.least < (high-low)*8/10 {
		t.Errorf("%s are %s to %s, want about %s to %s", what, e.least, e.most, low, high)
	}
}

func TestNeverTwoLooksAtOnce(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var now, most atomic.Int32
		slow := timesOf(stub(func(context.Context) (Finding, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(3 * time.Second)
			now.Add(-1)
			return Finding{}, nil
		}))
		s := prompt
		s.Interval, s.Timeout = time.Second, 4*time.Second
		r.Set([]Entry{entry("slow", slow, s)})
		after(32 * time.Second)
		if most.Load() != 1 {
			t.Errorf("%d looks at once", most.Load())
		}
		if seen := slow.all(); len(seen) != 11 || seen[10] != 30*time.Second {
			t.Errorf("looks at %s, want each 3 s, one right after the other", seen)
		}
		if s := status(t, r, "slow"); s.State != Healthy || s.Took != 3*time.Second {
			t.Errorf("%+v", s)
		}
	})
}

func TestTimeout(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		answer := func(format string) stub {
			return func(ctx context.Context) (Finding, error) {
				<-ctx.Done()
				return Finding{}, fmt.Errorf(format, ctx.Err())
			}
		}
		tardy := stub(func(context.Context) (Finding, error) {
			time.Sleep(prompt.Timeout + lookGrace/2)
			return Finding{}, nil
		})
		hour := prompt
		hour.Interval, hour.FastInterval = time.Hour, time.Hour
		r.Set([]Entry{
			entry("bare", answer("%w"), hour),
			entry("wrapped", answer("TLS handshake: %w"), hour),
			entry("better", answer("the banner does not end%.0w"), hour),
			entry("tardy", tardy, hour),
		})
		after(prompt.Timeout - time.Millisecond)
		if got := status(t, r, "bare"); got.Looks != 0 {
			t.Errorf("it is over before the timeout: %+v", got)
		}
		after(time.Millisecond + lookGrace)
		wantVerdict(t, r, "bare", "failed 1 of 1: no answer within 500ms")
		wantVerdict(t, r, "wrapped", "failed 1 of 1: TLS handshake: no answer within 500ms")
		wantVerdict(t, r, "tardy", "failed 1 of 1: no answer within 500ms")
		if got := status(t, r, "better").Verdict; !strings.Contains(got, "the banner does not end") {
			t.Error(got)
		}
	})
}

func TestHang(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		until := make(chan struct{})
		hung := timesOf(stuck(until))
		r.Set([]Entry{entry("nfs", hung, patient)})
		after(patient.Timeout + lookGrace)
		wantVerdict(t, r, "nfs", "unknown; failed 1 of 3: no answer within 500ms")
		after(1200 * time.Millisecond) // the next one is due by 1.1 s, and then its timeout
		if got := status(t, r, "nfs").Verdict; got != "unknown; failed 2 of 3: the look that began 1s ago hangs" &&
			got != "unknown; failed 2 of 3: the look that began 2s ago hangs" {
			t.Error(got)
		}
		after(1200 * time.Millisecond)
		if s := status(t, r, "nfs"); s.State != Failed || s.Looks != 3 {
			t.Errorf("no verdict on time: %+v", s)
		}
		after(time.Minute)
		if seen := hung.all(); len(seen) != 1 {
			t.Errorf("%d looks began while one hangs", len(seen))
		}
		if s := status(t, r, "nfs"); s.Looks < 8 || s.Looks > 10 || !strings.Contains(s.Error, "hangs") {
			t.Errorf("after a minute: %+v", s)
		}
		close(until)
		after(30 * time.Second)
		if s := status(t, r, "nfs"); s.State != Healthy {
			t.Errorf("not well again after the look has returned: %+v", s)
		}
	})
}

// TestHangThatEndsWhileTheNextIsDue is for a look that returns late, but before the next
// one would have failed for that.
func TestHangThatEndsWhileTheNextIsDue(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var first sync.Once
		c := timesOf(stub(func(context.Context) (Finding, error) {
			first.Do(func() { time.Sleep(1200 * time.Millisecond) })
			return Finding{}, nil
		}))
		r.Set([]Entry{entry("disk", c, patient)})
		after(1201 * time.Millisecond)
		if seen := c.all(); len(seen) != 2 || seen[1] != 1200*time.Millisecond {
			t.Errorf("looks at %s, want the second one when the first has returned", seen)
		}
		wantVerdict(t, r, "disk", "unknown; well 1 of 2")
	})
}

func TestLimit(t *testing.T) {
	running(t, Options{Limit: 10}, func(t *testing.T, r *Runner) {
		var now, most atomic.Int32
		var entries []Entry
		var order []string
		var mu sync.Mutex
		for i := range 100 {
			name := fmt.Sprint(i)
			entries = append(entries, entry(name, stub(func(context.Context) (Finding, error) {
				mu.Lock()
				order = append(order, name)
				most.Store(max(most.Load(), now.Add(1)))
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
				now.Add(-1)
				return Finding{}, nil
			}), prompt))
			if i == 49 {
				r.Set(entries)
				after(time.Millisecond)
			}
		}
		r.Set(entries) // the latter half is due a bit later
		after(950 * time.Millisecond)
		if most.Load() != 10 {
			t.Errorf("%d looks at once, want 10", most.Load())
		}
		mu.Lock()
		defer mu.Unlock()
		if len(order) != 100 {
			t.Errorf("%d looks", len(order))
		}
		for i, name := range order {
			if (i < 50) != (len(name) < 2 || name < "50") {
				t.Errorf("look %d is of %s", i, name)
			}
		}
	})
}

func TestOverdue(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Limit: 1, Log: log}, func(t *testing.T, r *Runner) {
		r.Set([]Entry{entry("web", well, prompt)})
		after(time.Millisecond)
		until := make(chan struct{})
		hung := entry("nfs", stuck(until), prompt)
		r.Set([]Entry{entry("web", well, prompt), hung})
		after(19 * time.Second)
		s := status(t, r, "web")
		if s.State != Healthy || s.Looks != 1 {
			t.Errorf("it has another verdict without a look: %+v", s)
		}
		if s.Overdue < 8*time.Second || s.Overdue > 10*time.Second+time.Millisecond {
			t.Errorf("overdue for %s", s.Overdue)
		}
		if status(t, r, "nfs").State != Failed {
			t.Error("what hangs is not failed")
		}
		if strings.Contains(out.String(), "overdue") {
			t.Errorf("it warns within the interval: %s", out.String())
		}
		after(time.Minute)
		if n := strings.Count(out.String(), "checks are overdue"); n != 1 {
			t.Errorf("%d warnings in a minute: %s", n, out.String())
		}
		close(until)
		after(time.Second)
		if s := status(t, r, "web"); s.Looks != 2 || s.Overdue != 0 {
			t.Errorf("no look once there is room: %+v", s)
		}
	})
}

func TestRemovedHungLooksKeepTheirSlots(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Limit: 1, Log: log}, func(t *testing.T, r *Runner) {
		until := make(chan struct{})
		r.Set([]Entry{entry("nfs", stuck(until), prompt)})
		after(0)
		r.Set([]Entry{entry("web", well, prompt)})
		after(time.Minute)
		if s := status(t, r, "web"); s.Looks != 0 || s.Overdue != time.Minute {
			t.Errorf("%+v", s)
		}
		if !strings.Contains(out.String(), "checks are overdue") {
			t.Error("no warning when nothing else is to be done")
		}
		close(until)
		after(0)
		if s := status(t, r, "web"); s.State != Healthy {
			t.Errorf("%+v", s)
		}
	})
}

func TestPanic(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Log: log}, func(t *testing.T, r *Runner) {
		broken := stub(func(context.Context) (Finding, error) { panic("index\nout of range") })
		r.Set([]Entry{entry("broken", broken, patient)})
		after(time.Minute)
		wantVerdict(t, r, "broken", `failed 3 of 3: panic: index\nout of range`)
		if n := strings.Count(out.String(), "debug.Stack"); n != 1 || strings.Count(out.String(), "check panicked") != 1 {
			t.Errorf("want the stack once: %s", out.String())
		}
	})
}

// typedNil is an error of which a nil pointer is no good.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

// TestErrorThatPanics is for a Checker that returns an error which cannot say what it is.
func TestErrorThatPanics(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Log: log}, func(t *testing.T, r *Runner) {
		broken := func() error { var none *typedNil; return none }
		w := newWatcher(stub(func(context.Context) (Finding, error) { return Finding{}, broken() }))
		r.Set([]Entry{entry("broken", w, prompt), entry("web", well, prompt)})
		after(0)
		w.fails <- broken()
		after(time.Minute)
		if got := status(t, r, "broken").Verdict; !strings.Contains(got, "failed 1 of 1: panic: runtime error") {
			t.Error(got)
		}
		wantVerdict(t, r, "web", "healthy")
		if !strings.Contains(out.String(), "check cannot watch") || strings.Count(out.String(), "check panicked") != 1 {
			t.Errorf("want the stack once, and that it cannot watch: %s", out.String())
		}
	})
}

func TestChanged(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var checker fickle
		s := patient
		s.Interval, s.Warmup = s.FastInterval, s.FastInterval // the first look comes after the first question
		r.Set([]Entry{entry("web", &checker, s)})
		if !news(r) {
			t.Error("no news of other checks")
		}
		step := func(what string, f Finding, e error, want bool) {
			t.Helper()
			checker.set(f, e)
			nextLook(t, r, "web")
			if got := news(r); got != want {
				t.Errorf("%s: news %t, want %t", what, got, want)
			}
		}
		valued := Finding{Value: Value{Is: 0, Known: true}}
		warned := Finding{Value: valued.Value, Warning: "expires"}
		step("well once", Finding{}, nil, false)
		step("healthy", Finding{}, nil, true)
		step("nothing new", Finding{}, nil, false)
		step("a value", valued, nil, true)
		step("the same value", valued, nil, false)
		step("a warning", warned, nil, true)
		step("a look that is not well", Finding{}, errRefused, false)
		if s := status(t, r, "web"); s.Warning != "expires" || s.Value != valued.Value {
			t.Errorf("what was found is gone: %+v", s)
		}
		step("two of them", Finding{}, errors.New("reset"), false)
		step("failed", Finding{}, errRefused, true)
		step("for the same reason", Finding{}, errRefused, false)
		step("for another", Finding{}, errors.New("reset"), true)
		step("well again, and not healthy", warned, nil, false)
		step("healthy again", warned, nil, true)
	})
}

// News tells of what Changed has told, and of nothing twice.
func TestNews(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var web fickle
		web.set(Finding{}, nil)
		s := prompt
		s.Interval, s.Warmup = s.FastInterval, 500*time.Millisecond // the first look comes after the first question
		twice := patient
		twice.Warmup = s.Warmup
		r.Set([]Entry{entry("web", &web, s), entry("dns", well, s), entry("new", well, twice)})
		want := func(what string, want ...string) {
			t.Helper()
			var got []string
			for _, status := range r.News() {
				got = append(got, status.Name+" "+status.Verdict)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: news %q, want %q", what, got, want)
			}
		}
		want("before the first look")
		after(500 * time.Millisecond)
		want("looked once", "dns healthy", "new unknown; well 1 of 2", "web healthy")
		want("told of")
		web.set(Finding{}, errRefused)
		nextLook(t, r, "web")
		nextLook(t, r, "dns")
		after(time.Second)
		want("failed", "new healthy", "web failed 1 of 1: connection refused")
		web.set(Finding{}, nil)
		nextLook(t, r, "web")
		r.Set([]Entry{entry("dns", well, s)})
		want("gone")
	})
}

// A failed check that looked well once and then was not is told of as it is now.
func TestNewsOfFailedChecks(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var web fickle
		web.set(Finding{}, errRefused) // the first look may be at once
		s := patient
		s.Interval = s.FastInterval
		r.Set([]Entry{entry("web", &web, s)})
		looks := uint64(0)
		look := func(err error, want string) {
			t.Helper()
			web.set(Finding{}, err)
			for looks++; status(t, r, "web").Looks < looks; {
				after(100 * time.Millisecond)
			}
			news := r.News()
			if len(news) != 1 || news[0].Verdict != want {
				t.Errorf("news %v, want %q", news, want)
			}
		}
		look(errRefused, "unknown; failed 1 of 3: connection refused")
		look(errRefused, "unknown; failed 2 of 3: connection refused")
		look(errRefused, "failed 3 of 3: connection refused")
		look(nil, "failed 3 of 3: connection refused; well 1 of 2")
		look(errRefused, "failed 3 of 3: connection refused")
	})
}

func TestWarning(t *testing.T) {
	var out journal
	log := slog.New(slog.NewTextHandler(&out, nil))
	running(t, Options{Log: log}, func(t *testing.T, r *Runner) {
		var checker fickle
		s := prompt
		s.Interval = s.FastInterval
		checker.set(Finding{Warning: "expires\nin 9 days"}, nil)
		r.Set([]Entry{entry("web", &checker, s)})
		after(0)
		if got := status(t, r, "web"); got.State != Healthy || got.Warning != `expires\nin 9 days` {
			t.Errorf("%+v", got)
		}
		for i := range 8 {
			checker.set(Finding{Warning: fmt.Sprintf("expires in %d days", 8-i)}, nil)
			nextLook(t, r, "web")
		}
		if n := strings.Count(out.String(), "check warns"); n != 1 {
			t.Errorf("%d warnings: %s", n, out.String())
		}
		checker.set(Finding{}, nil)
		nextLook(t, r, "web")
		checker.set(Finding{Warning: "expires again"}, errRefused) // does not count
		nextLook(t, r, "web")
		if got := status(t, r, "web").Warning; got != "" {
			t.Errorf("a warning, %q, that is over", got)
		}
	})
}

func TestReasonsAreLines(t *testing.T) {
	tests := map[string]string{
		"connection refused":               "connection refused",
		"two\nlines":                       `two\nlines`,
		"\xff":                             `\xff`,
		strings.Repeat("long ", 1000):      strings.Repeat("long ", 39) + "lo...",
		strings.Repeat("ü", 1000):          strings.Repeat("ü", 98) + "...",
		"\x1b[2J" + strings.Repeat("x", 9): `\x1b[2Jxxxxxxxxx`,
		"":                                 "",
	}
	for text, want := range tests {
		if got := brief(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestContextOfALook is for what a Checker has left to the end of its context.
func TestContextOfALook(t *testing.T) {
	running(t, Options{}, func(t *testing.T, r *Runner) {
		var seen atomic.Value
		r.Set([]Entry{entry("web", stub(func(ctx context.Context) (Finding, error) {
			deadline, _ := ctx.Deadline()
			if left := time.Until(deadline); left != prompt.Timeout {
				t.Errorf("its deadline is in %s, want %s", left, prompt.Timeout)
			}
			seen.Store(ctx)
			return Finding{}, nil
		}), prompt)})
		after(0)
		if ctx, _ := seen.Load().(context.Context); ctx == nil || ctx.Err() == nil {
			t.Error("the context of a look goes on after it")
		}
	})
}

// TestShutdownByADeadline is for looks that end with a Run which has a deadline.
func TestShutdownByADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), prompt.Timeout/2)
		defer cancel()
		r := NewRunner(Options{})
		ends := stub(func(ctx context.Context) (Finding, error) { <-ctx.Done(); return Finding{}, ctx.Err() })
		r.Set([]Entry{entry("ends", ends, prompt)})
		if err := r.Run(ctx); err != nil || status(t, r, "ends").Looks != 0 {
			t.Errorf("%v, and a look that was cut short: %+v", err, status(t, r, "ends"))
		}
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := NewRunner(Options{})
		ends := stub(func(ctx context.Context) (Finding, error) { <-ctx.Done(); return Finding{}, ctx.Err() })
		slow := stub(func(ctx context.Context) (Finding, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // such as a script that is being killed
			return Finding{}, ctx.Err()
		})
		r.Set([]Entry{entry("ends", ends, prompt), entry("slow", slow, prompt)})
		done := make(chan struct{})
		go func() { defer close(done); _ = r.Run(ctx) }()
		after(100 * time.Millisecond)
		begun := time.Now()
		cancel()
		<-done
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it ends after %s, want the second that a look takes", took)
		}
		for _, s := range r.Status() {
			if s.State != Unknown || s.Looks != 0 {
				t.Errorf("a look that was cut short counts: %+v", s)
			}
		}
	})
}
