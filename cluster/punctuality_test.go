package cluster

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLatenessIsCounted(t *testing.T) {
	var n Node
	for _, late := range []time.Duration{-ms, 0, 100 * time.Microsecond, 101 * time.Microsecond, 2 * ms, 2 * time.Second} {
		n.punctuality.note(late)
	}
	want := Lateness{Count: 6, Sum: 2*time.Second + 2*ms + 201*time.Microsecond, Longest: 2 * time.Second}
	want.Counts[0], want.Counts[1], want.Counts[3] = 3, 1, 1
	if diff := cmp.Diff(want, n.Lateness()); diff != "" {
		t.Error(diff)
	}
}

// A heartbeat is late by what goes by beyond the tick that it waited for.
func TestHeartbeatsTellHowLateTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		n := newNode(Config{Node: "lb1", Heartbeat: 100 * ms, Log: slog.New(slog.DiscardHandler)}, Peer{Name: "lb1"})
		var stalled atomic.Int64 // ns by which the clock that is read after the sleep is ahead
		n.now = func() time.Duration { return time.Hour + time.Since(start) + time.Duration(stalled.Load()) }
		n.contacts["lb2"] = contact{sent: n.now()}
		trans := &transport{node: n}
		time.AfterFunc(ms, func() { stalled.Store(int64(4 * ms)) })
		trans.pace("lb2")
		if got := n.Lateness(); got.Count != 1 || got.Longest != 4*ms {
			t.Errorf("%+v, want one of 4ms", got)
		}
		n.contacts["lb2"] = contact{}
		trans.pace("lb2") // without a wait
		if got := n.Lateness(); got.Count != 1 {
			t.Errorf("%+v, want one", got)
		}
	})
}
