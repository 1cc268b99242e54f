package daemon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/checker"
)

// Of all verdicts those that are news are taken over, beside the others.
func TestVerdictsThatAreNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		schedule := checker.Schedule{Interval: time.Hour, Rise: 1, Fall: 1, Timeout: time.Second}
		slow := schedule
		slow.Warmup = time.Minute
		c := &checks{runner: checker.NewRunner(checker.Options{})}
		c.set([]checker.Entry{
			{Name: "first", Checker: alwaysWell{}, Schedule: schedule},
			{Name: "later", Checker: alwaysWell{}, Schedule: slow},
		})
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- c.runner.Run(ctx) }()
		want := func(first, later judgement) {
			t.Helper()
			c.hear()
			if all := c.all(); all.of("first").state != first || all.of("later").state != later {
				t.Errorf("verdicts are %v, want %s and %s", all, first, later)
			}
		}
		synctest.Wait()
		want(passed, undecided)
		time.Sleep(time.Minute)
		synctest.Wait()
		want(passed, passed)
		last := c.verdicts.Load()
		if c.hear(); c.verdicts.Load() != last {
			t.Error("what is no news was taken over")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A burst of verdicts leaves others their time.
func TestVerdictsInABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, c := time.Now(), &checks{runner: checker.NewRunner(checker.Options{})}
		heeded := make(chan time.Duration, 2)
		go func() {
			_ = c.follow(t.Context(), func() {
				heeded <- time.Since(begin)
				time.Sleep(time.Second)
			})
		}()
		c.runner.Set(nil)
		if at := <-heeded; at != 0 {
			t.Errorf("the first one was heeded after %s", at)
		}
		c.runner.Set(nil)
		if at := <-heeded; at != 2*time.Second {
			t.Errorf("the second one was heeded after %s", at)
		}
		time.Sleep(time.Minute) // all of it ends
	})
}

// What checks share is there as long as one of them looks.
func TestHostOutlastsTheLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts, cancel := context.WithCancel(t.Context())
		g, parts := errgroup.WithContext(parts)
		var looked, shared time.Time
		around(&crew{g, func(error) {}}, parts, func(ctx context.Context) error {
			<-ctx.Done()
			shared = time.Now()
			return nil
		}, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second) // the last look
			looked = time.Now()
			return nil
		})
		cancel()
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if shared.Before(looked) {
			t.Errorf("what is shared ended %s before the last look", looked.Sub(shared))
		}
	})
}
