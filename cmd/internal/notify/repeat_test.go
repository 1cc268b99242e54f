package notify

import (
	"testing"
	"testing/synctest"
	"time"
)

// hearsAgain is an entry for a FIFO that hears of states again.
func hearsAgain(e Entry) Entry {
	e.Lane, e.Backlog, e.Again = "fifo", 2, true
	return e
}

// States are told again to whoever wants them, of the routers and of the kinds that he wants,
// once to each target, and are not counted.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{
			s.entry("program", time.Second, Master, Backup),
			hearsAgain(s.entry("fifo", 0, Backup, Master)),
			hearsAgain(only(s.entry("fifo", 0, Master), gw)),
			hearsAgain(only(s.entry("other", 0, Master), inside)),
		})
		s.Repeat(of(Fault, inside), of(Master, gw))
		s.want(t, "fifo told master of VI_1 at 0s")
		for _, tally := range s.Tallies() {
			if tally.Told != 0 || !tally.Last.IsZero() {
				t.Errorf("counted %+v", tally)
			}
		}
	})
}

// A target that fails is named in the log, and counted with changes alone.
func TestRepeatThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		e := hearsAgain(s.entry("fifo", 0, Master))
		e.Target.(*listener).fails = errSlow
		s.Set([]Entry{e})
		s.Repeat(of(Master, gw))
		s.want(t, "fifo told master of VI_1 at 0s")
		if got := s.Tallies()[0]; got.Failed != 0 || got.Error != "" || len(s.log.warnings()) != 1 {
			t.Errorf("counted %+v, warned %q", got, s.log.warnings())
		}
	})
}

// Changes that wait keep their places and their room, whatever is told again meanwhile.
func TestRepeatLeavesChangesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{hearsAgain(s.entry("fifo", time.Second, Backup, Master))})
		s.Tell(of(Backup, gw))
		synctest.Wait() // the rest waits
		s.Tell(of(Master, gw))
		for range 10 {
			s.Repeat(of(Master, gw), of(Backup, inside))
		}
		s.Tell(of(Master, inside))
		time.Sleep(time.Minute)
		s.want(t,
			"fifo told backup of VI_1 at 1s",
			"fifo told master of VI_1 at 2s",
			"fifo told master of VI_1 at 3s",
			"fifo told backup of G1 at 4s",
			"fifo told master of G1 at 5s",
		)
		if got := s.Tallies()[0]; got.Told != 3 || got.Void != 0 || len(s.log.warnings()) != 0 {
			t.Errorf("counted %+v, warned %q", got, s.log.warnings())
		}
	})
}

// Where there is no room, what is newer makes states void that wait to be told again, of which
// nothing is said.
func TestRepeatIsVoidByWhatIsNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{hearsAgain(s.entry("fifo", time.Second, Backup, Master))})
		s.Tell(of(Backup, gw))
		synctest.Wait()
		s.Tell(of(Backup, inside), of(Master, inside))
		s.Repeat(of(Backup, gw), of(Master, inside))
		s.Tell(of(Master, gw))
		time.Sleep(time.Minute)
		s.want(t,
			"fifo told backup of VI_1 at 1s",
			"fifo told backup of G1 at 2s",
			"fifo told master of G1 at 3s",
			"fifo told master of G1 at 4s",
			"fifo told master of VI_1 at 5s",
		)
		if got := s.Tallies()[0]; got.Told != 4 || got.Void != 0 || len(s.log.warnings()) != 0 {
			t.Errorf("counted %+v, warned %q", got, s.log.warnings())
		}
	})
}
