package daemon

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
)

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
