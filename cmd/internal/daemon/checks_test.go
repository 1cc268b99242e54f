package daemon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/checker"
)

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
		around(g, parts, func(ctx context.Context) error {
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
