package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dead is a target that cannot be told before a time, and keeps when it was tried.
type dead struct {
	until time.Duration
	fails error // of what becomes of it until then
	hall  *hall
	takes time.Duration
}

func (d *dead) Tell(_ context.Context, e Event) error {
	time.Sleep(d.takes)
	d.hall.mu.Lock()
	defer d.hall.mu.Unlock()
	now := time.Since(d.hall.begin)
	if now < d.until {
		d.hall.told = append(d.hall.told, fmt.Sprintf("no %s at %s", e, now))
		return d.fails
	}
	d.hall.told = append(d.hall.told, fmt.Sprintf("%s at %s", e, now))
	return nil
}

// lines returns what all were told so far.
func (h *hall) lines() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told)
}

// errBusy is of a target that is to be tried again.
var errBusy = marked{errors.New("busy"), ErrLater}

func (s stage) dead(until time.Duration, on ...Kind) (*dead, Entry) {
	d := &dead{until: until, fails: errBusy, hall: s.hall}
	return d, Entry{Key: "mail", Name: "mail", On: on, Target: d, Lane: "mail"}
}

func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		_, e := s.dead(time.Minute, Master)
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(10 * time.Second)
		if got := s.Tallies()[0]; got.Error != "busy" || got.Failed+got.Told+got.Void != 0 {
			t.Errorf("meanwhile %+v", got)
		}
		time.Sleep(time.Hour)
		s.want(t, "no master of VI_1 at 0s", "no master of VI_1 at 5s", "no master of VI_1 at 20s", "master of VI_1 at 1m5s")
		if got := s.Tallies()[0]; got.Told != 1 || got.Failed+got.Void != 0 || got.Error != "" {
			t.Errorf("at the end %+v", got)
		}
		s.Tell(of(Master, inside)) // the pauses are short again
		time.Sleep(time.Second)
		if lines := s.lines(); !strings.HasPrefix(lines[len(lines)-1], "master of "+inside.Name) {
			t.Errorf("%q", lines)
		}
	})
}

// What another attempt would not mend is not tried again.
func TestNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		d, e := s.dead(time.Hour, Master)
		d.fails = errForGood
		s.Set([]Entry{e})
		s.Tell(of(Master, gw), of(Master, inside))
		time.Sleep(2 * time.Hour)
		s.want(t, "no master of VI_1 at 0s", "no master of "+inside.Name+" at 0s")
		if got := s.Tallies()[0]; got.Failed != 2 {
			t.Errorf("%+v", got)
		}
	})
}

// A target that stays dead is given up.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		_, e := s.dead(1000*time.Hour, Master)
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(100 * time.Hour)
		lines := s.lines()
		if len(lines) != mostAttempts || s.Tallies()[0].Failed != 1 {
			t.Fatalf("tried %d times: %+v", len(lines), s.Tallies()[0])
		}
		if last := lines[mostAttempts-1]; !strings.HasSuffix(last, "at 1h10m5s") {
			t.Errorf("the last time %s", last)
		}
	})
}

// A mail server that is down for an hour, while things go up and down each second, gives a
// few mails: the newest of each.
func TestNewestAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		_, e := s.dead(time.Hour, Master, Backup)
		s.Set([]Entry{e})
		for range 30 * 60 {
			s.Tell(of(Master, gw), of(Master, inside))
			time.Sleep(time.Second)
			s.Tell(of(Backup, gw), of(Backup, inside))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		var told []string
		for _, line := range s.lines() {
			if !strings.HasPrefix(line, "no ") {
				what, _, _ := strings.Cut(line, " at ")
				told = append(told, what)
			}
		}
		slices.Sort(told)
		if want := []string{"backup of VI_1", "backup of " + inside.Name}; len(told) != 2 || !slices.Contains(told, want[0]) || !slices.Contains(told, want[1]) {
			t.Errorf("told %q, want %q", told, want)
		}
		if got := s.Tallies()[0]; got.Told != 2 || got.Failed != 0 || got.Void != 4*30*60-2 {
			t.Errorf("%+v", got)
		}
	})
}

// What is overtaken by an event that is not for the target is not tried again, also if it was
// under way.
func TestOvertakenWhileTried(t *testing.T) {
	for name, takes := range map[string]time.Duration{"waits": 0, "is under way": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage()
				s.run(t)
				d, e := s.dead(time.Minute, Master)
				d.takes = takes
				s.Set([]Entry{e})
				s.Tell(of(Master, gw))
				time.Sleep(time.Second)
				s.Tell(of(Backup, gw))
				time.Sleep(time.Hour)
				s.want(t, fmt.Sprintf("no master of VI_1 at %s", takes))
				if got := s.Tallies()[0]; got.Void != 1 || got.Failed+got.Told != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// What waits for a target that a reload has taken away is tried once more.
func TestTargetOfThePastIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		_, e := s.dead(time.Hour, Master)
		s.Set([]Entry{e})
		s.Tell(of(Master, gw), of(Master, inside))
		time.Sleep(time.Second)
		s.Set(nil)
		time.Sleep(3 * time.Hour)
		s.want(t, "no master of VI_1 at 0s", "no master of VI_1 at 5s", "no master of "+inside.Name+" at 5s")
	})
}

// The end of perch waits for no pause: what waits is tried once more.
func TestEndWaitsForNoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		cancel, ended := s.runUntilCancelled(t)
		_, e := s.dead(time.Hour, Master, Stop)
		s.Set([]Entry{e})
		s.Tell(of(Master, gw), of(Master, inside))
		time.Sleep(time.Minute)
		s.Tell(of(Stop, inside))
		cancel()
		if at := <-ended; at != time.Minute {
			t.Errorf("ended at %s", at)
		}
		s.want(t, "no master of VI_1 at 0s", "no master of VI_1 at 5s", "no master of VI_1 at 20s",
			"no master of VI_1 at 1m0s", "no stop of "+inside.Name+" at 1m0s")
	})
}

// A program has a lane for each subject: what is newer is told at once, and tried again by
// itself, beginning with the shortest pause.
func TestNewerEndsThePauseOfAProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		_, e := s.dead(time.Minute, Master, Backup)
		e.Lane = ""
		s.Set([]Entry{e})
		s.Tell(of(Master, gw))
		time.Sleep(25 * time.Second)
		s.Tell(of(Backup, gw))
		time.Sleep(time.Second)
		s.Tell(of(Master, inside)) // of another lane
		time.Sleep(time.Hour)
		s.want(t, "no master of VI_1 at 0s", "no master of VI_1 at 5s", "no master of VI_1 at 20s", "no backup of VI_1 at 25s",
			"no master of "+inside.Name+" at 26s", "no backup of VI_1 at 30s", "no master of "+inside.Name+" at 31s",
			"no backup of VI_1 at 45s", "no master of "+inside.Name+" at 46s", "backup of VI_1 at 1m30s", "master of "+inside.Name+" at 1m31s")
		if got := s.Tallies()[0]; got.Told != 2 || got.Void != 1 || got.Failed != 0 {
			t.Errorf("%+v", got)
		}
	})
}
