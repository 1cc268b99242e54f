package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPreemptionWaitsForOneNodeToStayBetter(t *testing.T) {
	var p preemption
	for _, tt := range []struct {
		at     time.Duration
		better string
		want   string
	}{
		{0, "", ""},
		{1 * time.Second, "lb1", ""},
		{30 * time.Second, "lb1", ""},
		{31 * time.Second, "lb1", "lb1"},  // 30 s
		{32 * time.Second, "lb1", ""},     // it did not take over
		{60 * time.Second, "lb1", ""},     //
		{61 * time.Second, "lb1", "lb1"},  // 30 s later
		{70 * time.Second, "", ""},        // it went
		{91 * time.Second, "lb1", ""},     // and came back
		{120 * time.Second, "lb2", ""},    // another one is better
		{121 * time.Second, "lb1", ""},    //
		{150 * time.Second, "lb1", ""},    //
		{151 * time.Second, "lb1", "lb1"}, //
	} {
		if got := p.step(tt.at, tt.better, 30*time.Second); got != tt.want {
			t.Errorf("at %s: %q, want %q", tt.at, got, tt.want)
		}
	}
}

func TestPreempterFollowsTheConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var enabled atomic.Bool
		var moves []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- preempter(ctx, preempting{
				now:      func() time.Duration { return time.Since(begin) },
				enabled:  func() (bool, time.Duration) { return enabled.Load(), 10 * time.Second },
				better:   func() string { return "lb1" },
				handOver: func(string) error { moves = append(moves, time.Since(begin)); return errors.New("not now") },
			}, slog.New(slog.DiscardHandler))
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		enabled.Store(true)
		time.Sleep(25 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []time.Duration{72 * time.Second, 82 * time.Second}; !slices.Equal(moves, want) {
			t.Errorf("handed over at %s, want %s", moves, want)
		}
	})
}
