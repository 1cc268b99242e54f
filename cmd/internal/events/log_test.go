package events

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogNumbersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog("lb1", "a", 10)
		l.Add(Event{Kind: LeaderLost, ID: ID{"evil", 9}, Number: 9, Node: "evil"})
		time.Sleep(time.Second)
		l.Add(Event{Kind: LeaderKnown})
		list := l.After(ID{})
		if short(list) != "a-1, a-2" || list[0].Kind != LeaderLost || list[0].Node != "lb1" || list[0].Number != 1 {
			t.Errorf("%+v", list)
		}
		if took := list[1].Time.Sub(list[0].Time.Time); took != time.Second {
			t.Errorf("%v between them", took)
		}
		if list := l.After(ID{"b", 1}); list[0].Kind != NewRun || list[0].Node != "lb1" || !list[0].Time.Equal(time.Now()) {
			t.Errorf("%+v", list[0])
		}
	})
}

// Who waits gets what comes, at once, be they many.
func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog("lb1", "a", 10)
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				begin := time.Now()
				list, err := l.Next(t.Context(), ID{})
				if short(list) != "a-1" || err != nil || time.Since(begin) != time.Minute {
					t.Errorf("%s, %v after %v", short(list), err, time.Since(begin))
				}
			})
		}
		time.Sleep(time.Minute)
		l.Add(Event{Kind: LeaderLost})
		readers.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if list, err := l.Next(ctx, ID{"a", 1}); list != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, %v", short(list), err)
		}
	})
}

func TestCloseIsTheLast(t *testing.T) {
	l := newLog("lb1", "a", 10)
	l.Close(Event{Kind: DaemonStopped})
	l.Add(Event{Kind: LeaderLost})
	l.Close(Event{Kind: DaemonStopped})
	if list := l.After(ID{}); short(list) != "a-1" || list[0].Kind != DaemonStopped {
		t.Errorf("%+v", list)
	}
}

func TestRunsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		run := New("lb1").ring.run
		if seen[run] || !isRun(run) {
			t.Fatalf("run %q", run)
		}
		seen[run] = true
	}
}

// An event without a reader costs no memory but its own place.
func TestAddDoesNotAllocate(t *testing.T) {
	l := newLog("lb1", "a", 4)
	for range 4 {
		l.Add(Event{Kind: LeaderLost})
	}
	if n := testing.AllocsPerRun(100, func() { l.Add(Event{Kind: LeaderLost, Subject: "edge", Reason: "no contact"}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNilLogRecordsNothing(t *testing.T) {
	var l *Log
	l.Add(Event{Kind: LeaderLost})
	l.Close(Event{Kind: DaemonStopped})
}
