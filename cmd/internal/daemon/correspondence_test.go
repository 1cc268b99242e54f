package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// peersAnswering is a correspondence whose peers answer as said, until the test ends.
func peersAnswering(t *testing.T, report func(context.Context, string) (api.NodeReport, error),
	overview func(context.Context, string) (api.Overview, error),
) *correspondence {
	t.Helper()
	l := (&daemon{}).newCorrespondence()
	l.report, l.overview = report, overview
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return l
}

func reportOf(_ context.Context, node string) (api.NodeReport, error) {
	return api.NodeReport{Node: node, Version: "0.9"}, nil
}

func overviewOf(_ context.Context, node string) (api.Overview, error) {
	return api.Overview{Format: api.OverviewFormat, Node: node}, nil
}

// A peer that hangs is waited for a moment only, asked one question at a time, and shown
// as it was.
func TestCorrespondenceDoesNotWaitForTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		var asked atomic.Int64
		l := peersAnswering(t, func(ctx context.Context, node string) (api.NodeReport, error) {
			asked.Add(1)
			if node == "lb2" && dead.Load() {
				<-ctx.Done()
				return api.NodeReport{}, ctx.Err()
			}
			return reportOf(ctx, node)
		}, overviewOf)
		first := l.ask([]string{"lb2", "lb3"})
		if k := first["lb2"]; k.err != nil || k.overview == nil || k.trouble != "" || first["lb3"].overview == nil {
			t.Errorf("both answer: %+v", first)
		}
		seen := first["lb2"].seen
		dead.Store(true)
		asked.Store(0)
		for range 10 {
			begin := time.Now()
			known := l.ask([]string{"lb2", "lb3"})
			if took := time.Since(begin); took > overviewWait {
				t.Errorf("waited %v for a dead peer, at most %v is allowed", took, overviewWait)
			}
			if k := known["lb2"]; k.overview == nil || !k.seen.Equal(seen) {
				t.Errorf("what was known of lb2 is lost: %+v", k)
			}
		}
		if n := asked.Load(); n > 16 { // ten times lb3, and lb2 each half second
			t.Errorf("asked %d times", n)
		}
		time.Sleep(reportLimit)
		l.ask([]string{"lb2"})
		time.Sleep(reportLimit)
		if k := l.known([]string{"lb2"})["lb2"]; !errors.Is(k.err, context.DeadlineExceeded) || k.trouble == "" || k.overview == nil {
			t.Errorf("a peer that is dead: %+v", k)
		}
	})
}

// One that was never heard of is not known, and one that has left is forgotten.
func TestCorrespondenceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := peersAnswering(t, reportOf, overviewOf)
		if k := l.known([]string{"lb2"})["lb2"]; k.err == nil || k.trouble == "" || k.overview != nil {
			t.Errorf("before it was asked: %+v", k)
		}
		l.ask([]string{"lb2"})
		l.ask([]string{"lb3"})
		if len(l.letters) != 1 {
			t.Errorf("%d letters, want that of lb3", len(l.letters))
		}
	})
}

// A peer of another version has no overview, and is well otherwise.
func TestCorrespondenceOfAnOlderPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := peersAnswering(t, reportOf, func(context.Context, string) (api.Overview, error) { return api.Overview{}, api.ErrNoOverview })
		k := l.ask([]string{"lb2"})["lb2"]
		if k.err != nil || k.overview != nil || k.trouble != "not known from this version (0.9)" {
			t.Errorf("%+v", k)
		}
	})
}

// Nobody is asked before the daemon runs, and after.
func TestCorrespondenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := (&daemon{}).newCorrespondence()
		l.report = func(context.Context, string) (api.NodeReport, error) {
			t.Error("asked though it does not run")
			return api.NodeReport{}, nil
		}
		l.ask([]string{"lb2"})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.run(ctx); err != nil {
			t.Error(err)
		}
		l.ask([]string{"lb2"})
	})
}

// However many peers ask, a node looks at itself once a second, and a look that hangs
// keeps nobody longer than he waits.
func TestOwnOverview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := (&daemon{}).newCorrespondence()
		looks, takes := 0, time.Duration(0)
		look := func() api.Overview {
			time.Sleep(takes)
			looks++
			return api.Overview{Node: "lb1"}
		}
		for range 20 {
			if o, err := l.own(t.Context(), look); err != nil || o.Node != "lb1" {
				t.Errorf("%+v, %v", o, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if looks != 2 {
			t.Errorf("looked %d times in two seconds", looks)
		}
		takes = time.Minute
		ended := make(chan struct{})
		go func() { defer close(ended); _, _ = l.own(t.Context(), look) }()
		defer func() { <-ended }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.own(ctx, look); !errors.Is(err, api.ErrNotNow) {
			t.Errorf("while it hangs: %v", err)
		}
	})
}
