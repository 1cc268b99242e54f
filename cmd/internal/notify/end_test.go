package notify

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// runUntilCancelled has the notifier run, and tells at what time of the stage it ended.
func (s *stage) runUntilCancelled(t *testing.T) (cancel func(), ended <-chan time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	at := make(chan time.Duration)
	go func() {
		_ = s.Run(ctx)
		at <- time.Since(s.hall.begin)
	}()
	return cancel, at
}

// What was told before the end is told on, whatever is noticed first.
func TestTellAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			s := newStage()
			ctx, cancel := context.WithCancel(t.Context())
			s.Set([]Entry{s.entry("a", 0, Stop)})
			s.Tell(of(Stop, gw))
			cancel()
			_ = s.Run(ctx)
			s.want(t, "a told stop of VI_1 at 0s")
		}
	})
}

// At the end all have a few seconds, and what there is no time for is named.
func TestTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		cancel, ended := s.runUntilCancelled(t)
		s.Set([]Entry{s.entry("slow", time.Hour, Master, Stop), s.entry("quick", time.Second, Stop)})
		s.Tell(of(Master, gw))
		synctest.Wait()
		s.Tell(of(Stop, gw))
		cancel()
		if at := <-ended; at != EndLimit {
			t.Errorf("ended after %s", at)
		}
		s.want(t, "quick told stop of VI_1 at 1s", "slow killed master of VI_1 at 3s")
		if lines := s.log.warnings(); len(lines) != 2 || !strings.Contains(lines[1], errEnded.Error()) {
			t.Errorf("warned %q", lines)
		}
	})
}

// hanging is a target that no end of a context ends.
type hanging chan struct{}

func (h hanging) Tell(context.Context, Event) error {
	<-h
	return nil
}

// Who hangs, as a program or a FIFO on a disk that does, does not keep perch from ending.
func TestTheEndDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		ctx, cancel := context.WithCancel(t.Context())
		hangs := make(hanging)
		defer close(hangs)
		s.Set([]Entry{{Key: "hangs", Name: "hangs", On: []Kind{Stop}, Target: hangs}})
		s.Tell(of(Stop, gw))
		cancel()
		_ = s.Run(ctx)
		if took := time.Since(s.hall.begin); took != EndLimit+hangLimit {
			t.Errorf("ended after %s", took)
		}
	})
}

// stuck is a target that cannot be opened or closed while its disk hangs.
type stuck struct {
	listener
	disk chan struct{}
}

func (s *stuck) Open() error {
	<-s.disk
	return nil
}

func (s *stuck) Close() error {
	<-s.disk
	return nil
}

// A FIFO on a disk that hangs keeps neither a reload waiting, nor whoever tells, nor another
// target.
func TestSetDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		disk := make(chan struct{})
		defer close(disk)
		fifo := func(key string) Entry {
			return Entry{Key: key, Name: key, On: []Kind{Master}, Lane: "fifo", Target: &stuck{listener{name: key, hall: s.hall}, disk}}
		}
		for _, key := range []string{"old", "old", "new"} {
			s.Set([]Entry{fifo(key), s.entry("well", time.Second, Master)})
			synctest.Wait()
			s.Tell(of(Master, gw))
			s.Tallies()
		}
		if took := time.Since(s.hall.begin); took != 0 {
			t.Errorf("all of that took %s", took)
		}
		time.Sleep(5 * time.Second)
		s.want(t, "well told master of VI_1 at 1s", "well told master of VI_1 at 2s")
		begin := time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(begin) != EndLimit+hangLimit {
			t.Errorf("ended after %s, %v", time.Since(begin), err)
		}
	})
}
