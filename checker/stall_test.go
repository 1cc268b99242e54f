package checker

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// frozen is a Runner whose Run is the test: between two passes the process stands still.
func frozen(t *testing.T, f func(r *Runner, pass func(), logged *journal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var (
			out     journal
			started sync.WaitGroup
		)
		r := NewRunner(Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		defer started.Wait()
		defer cancel()
		f(r, func() { r.pass(ctx, &started); synctest.Wait() }, &out)
	})
}

// taking returns a Checker whose looks take so long, whatever their context says, and are
// not well then if that has ended.
func taking(d *time.Duration) *times {
	return timesOf(stub(func(ctx context.Context) (Finding, error) {
		time.Sleep(*d)
		return Finding{}, ctx.Err()
	}))
}

// TestStall is for a process that stands still while a look is under way: the look does not
// count, and another one begins at once. Either may come first when it goes on.
func TestStall(t *testing.T) {
	const still = 5 * time.Second
	tests := map[string]time.Duration{
		"the look returns first": still - time.Millisecond,
		"Run wakes first":        still + time.Millisecond,
	}
	for name, took := range tests {
		t.Run(name, func(t *testing.T) {
			frozen(t, func(r *Runner, pass func(), logged *journal) {
				c := taking(&took)
				r.Set([]Entry{entry("web", c, prompt)})
				pass()
				after(still)
				took = 0
				pass()
				if s := status(t, r, "web"); s.Failures != 0 || s.State == Failed {
					t.Errorf("a look counts that nobody could take the answer of: %+v", s)
				}
				for range 2 { // the one that was late returns, and the next begins
					after(lookAgain)
					pass()
				}
				wantVerdict(t, r, "web", "healthy")
				if seen := c.all(); len(seen) != 2 || seen[1] > still+2*lookAgain {
					t.Errorf("looks at %s, want the second at once", seen)
				}
				if strings.Count(logged.String(), "stood still") != 1 {
					t.Errorf("want to be told once: %s", logged)
				}
			})
		})
	}
}

// TestStallThatMattersNot is for a look that is well all the same, and for one that was
// not under way then.
func TestStallThatMattersNot(t *testing.T) {
	frozen(t, func(r *Runner, pass func(), _ *journal) {
		took := 4 * time.Second
		slow, often := prompt, prompt
		slow.Timeout, often.Interval = 10*time.Second, time.Second
		r.Set([]Entry{entry("slow", taking(&took), slow), entry("db", not, often)})
		pass()
		wantVerdict(t, r, "db", "failed 1 of 1: connection refused")
		after(5 * time.Second)
		pass()
		wantVerdict(t, r, "slow", "healthy")
		if s := status(t, r, "db"); s.Looks != 2 {
			t.Errorf("a look that began after it does not count: %+v", s)
		}
	})
}

// TestStallHidesNoHang is for what hangs, with a process that stands still again and again:
// each second look counts.
func TestStallHidesNoHang(t *testing.T) {
	frozen(t, func(r *Runner, pass func(), _ *journal) {
		took := time.Hour
		r.Set([]Entry{entry("nfs", taking(&took), patient)})
		for range 1 + 4*patient.Fall {
			pass()
			after(2 * time.Second)
		}
		if s := status(t, r, "nfs"); s.State != Failed || !strings.Contains(s.Error, "hangs") {
			t.Errorf("%+v", s)
		}
	})
}

// TestLateIsNoStall: that a processor is shared is no reason for a look not to count.
func TestLateIsNoStall(t *testing.T) {
	frozen(t, func(r *Runner, pass func(), _ *journal) {
		took := time.Second
		r.Set([]Entry{entry("web", taking(&took), prompt)})
		pass()
		after(stallBeat + stallLimit)
		pass()
		wantVerdict(t, r, "web", "failed 1 of 1: no answer within 500ms")
	})
}

// TestStallWithinATimeout is for a server that had enough of a client that says nothing.
func TestStallWithinATimeout(t *testing.T) {
	frozen(t, func(r *Runner, pass func(), _ *journal) {
		s := prompt
		s.Timeout = time.Minute
		r.Set([]Entry{entry("smtp", stub(func(context.Context) (Finding, error) {
			time.Sleep(stallBeat + stallLimit + time.Millisecond)
			return Finding{}, errRefused
		}), s)})
		pass()
		after(stallBeat + stallLimit + time.Millisecond)
		if s := status(t, r, "smtp"); s.Looks != 0 {
			t.Errorf("%+v", s)
		}
	})
}
