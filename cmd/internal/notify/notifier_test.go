package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errSlow is what becomes of an event that a listener had no time for.
var errSlow = errors.New("killed")

// listener is a target that takes its time, and keeps what it is told.
type listener struct {
	name  string
	takes time.Duration
	fails error
	hall  *hall
}

// hall is what all listeners of a test were told.
type hall struct {
	begin time.Time
	mu    sync.Mutex
	told  []string
}

func (l *listener) Tell(ctx context.Context, e Event) error {
	end := "told"
	select {
	case <-ctx.Done():
		end = "killed"
	case <-time.After(l.takes):
	}
	l.hall.mu.Lock()
	defer l.hall.mu.Unlock()
	l.hall.told = append(l.hall.told, fmt.Sprintf("%s %s %s at %s", l.name, end, e, time.Since(l.hall.begin)))
	if end == "killed" {
		return errSlow
	}
	return l.fails
}

func (h *hall) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(h.told, "\n"), strings.Join(want, "\n"))
	}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// warnings returns the lines that warn.
func (l *logBuffer) warnings() (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, "level=WARN") {
			lines = append(lines, line)
		}
	}
	return lines
}

// stage is a Notifier and who listens.
type stage struct {
	*Notifier
	*hall
	log *logBuffer
}

func newStage() stage {
	log := &logBuffer{}
	return stage{New(slog.New(slog.NewTextHandler(log, nil))), &hall{begin: time.Now()}, log}
}

// entry is for a listener whose name is the Key.
func (s stage) entry(name string, takes time.Duration, on ...Kind) Entry {
	return Entry{Key: name, Name: name, On: on, Target: &listener{name: name, takes: takes, hall: s.hall}}
}

func (s stage) run(t *testing.T) { go func() { _ = s.Run(t.Context()) }() }

func of(kind Kind, s Subject) Event { return Event{Kind: kind, Subject: s} }

func only(e Entry, subjects ...Subject) Entry {
	e.Subjects = subjects
	return e
}

// Each entry hears of what it is for.
func TestTellWhomItConcerns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		lan := Subject{About: Router, Name: "lan"}
		web, ofWeb := service("web", "tcp", 0, "198.18.0.100:80")
		s.Set([]Entry{
			s.entry("all", time.Second, Master, ServerDown),
			only(s.entry("gw", 2*time.Second, Master, Backup), gw),
			only(s.entry("web", 3*time.Second, ServerDown), web),
		})
		s.Tell(of(Master, gw))
		time.Sleep(10 * time.Second)
		s.Tell(of(Master, lan), of(Backup, lan), of(Backup, gw))
		time.Sleep(10 * time.Second)
		s.Tell(server(ServerDown, web, ofWeb, "10.0.0.1:80"))
		time.Sleep(10 * time.Second)
		s.want(t,
			"all told master of VI_1 at 1s",
			"gw told master of VI_1 at 2s",
			"gw told backup of VI_1 at 12s",
			"all told server_down of web 10.0.0.1:80 at 21s",
			"web told server_down of web 10.0.0.1:80 at 23s",
		)
	})
}

// Who is slow keeps back nobody else, nor what it is to be told of another subject.
func TestTellOneSubjectAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{s.entry("slow", 10*time.Second, Master, Backup), s.entry("quick", time.Second, Master, Backup)})
		s.Tell(of(Backup, gw))
		synctest.Wait()
		s.Tell(of(Master, gw))
		time.Sleep(5 * time.Second)
		s.Tell(of(Master, inside))
		time.Sleep(time.Minute)
		s.want(t,
			"quick told backup of VI_1 at 1s",
			"quick told master of VI_1 at 2s",
			"quick told master of G1 at 6s",
			"slow told backup of VI_1 at 10s",
			"slow told master of G1 at 15s",
			"slow told master of VI_1 at 20s",
		)
	})
}

// Of what waits for one target on one subject only the newest is told, and what is not is
// named and counted.
func TestNewestStateWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{s.entry("slow", 10*time.Second, Master, Backup, MasterPriority)})
		s.Tell(of(Backup, gw))
		synctest.Wait()
		s.Tell(of(Master, gw), of(MasterPriority, gw), of(Backup, gw), of(Master, gw))
		time.Sleep(time.Minute)
		s.want(t, "slow told backup of VI_1 at 10s", "slow told master_priority of VI_1 at 20s", "slow told master of VI_1 at 30s")
		if lines := s.log.warnings(); len(lines) != 2 || !strings.Contains(lines[1], `event="backup of VI_1"`) {
			t.Errorf("warned %q", lines)
		}
		if got := s.Tallies()[0]; got.Told != 3 || got.Void != 2 || got.Failed != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// A program of masters that waits is not run any more when this node is none.
func TestWhatIsOverIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{s.entry("masters", 10*time.Second, Master), s.entry("backups", time.Second, Backup)})
		s.Tell(of(Master, gw))
		synctest.Wait()
		s.Tell(of(Backup, gw), of(Master, gw))
		synctest.Wait()
		s.Tell(of(Backup, gw))
		time.Sleep(time.Minute)
		s.want(t, "backups told backup of VI_1 at 1s", "masters told master of VI_1 at 10s")
	})
}

// An ordered target is told of all, in order, until too much waits.
func TestOrderedTargetsHearOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		e := s.entry("fifo", 0, Master, Backup)
		e.Lane, e.Backlog = "fifo", FIFOBacklog
		s.Set([]Entry{e})
		var want []string
		for range 3 {
			for _, subject := range []Subject{gw, inside} {
				for _, kind := range []Kind{Backup, Master} {
					s.Tell(of(kind, subject))
					want = append(want, fmt.Sprintf("fifo told %s at 0s", of(kind, subject)))
				}
			}
		}
		s.want(t, want...)
	})
}

func TestQueueOfOrderedTargetIsBounded(t *testing.T) {
	var q queue
	void := 0
	put := func(e Event) {
		void += len(q.outdate(e, FIFOBacklog))
		q.add(order{event: e})
	}
	for i := range 3 * FIFOBacklog {
		put(Event{Kind: Master, Subject: gw, Priority: i})
	}
	put(of(Master, inside))
	if q.orders.Len() > FIFOBacklog+1 || void+q.orders.Len() != 3*FIFOBacklog+1 {
		t.Errorf("%d wait, %d are void", q.orders.Len(), void)
	}
	first, _ := q.take()
	if newest := q.orders.Back().Value.(order).event; newest.Subject != inside || first.event.Priority < FIFOBacklog {
		t.Errorf("the newest is %v, the oldest has priority %d", newest, first.event.Priority)
	}
}

// Entries of one target do not make each other's events void, and it is told once.
func TestEntriesOfOneTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		fifo := s.entry("fifo", 0, Master)
		fifo.Lane, fifo.Backlog = "fifo", FIFOBacklog
		s.Set([]Entry{
			only(s.entry("a", time.Second, Master), gw), s.entry("a", time.Second, Backup), s.entry("a", time.Second, Master, Fault),
			only(fifo, gw), fifo,
		})
		s.Tell(of(Master, gw))
		time.Sleep(time.Minute)
		s.want(t, "fifo told master of VI_1 at 0s", "a told master of VI_1 at 1s")
		for _, kind := range []Kind{Backup, Master, Fault} { // the first is begun, the second void
			s.Tell(of(kind, gw))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		s.want(t, "fifo told master of VI_1 at 0s", "a told master of VI_1 at 1s", "fifo told master of VI_1 at 1m0s",
			"a told backup of VI_1 at 1m1s", "a told fault of VI_1 at 1m2s")
		if got := s.Tallies(); len(got) != 2 || got[0].Told != 3 || got[0].Void != 1 || got[1].Void != 0 {
			t.Errorf("counted %+v", got)
		}
	})
}

// Whoever does not know of deletions hears of a fault.
func TestDeletionIsAFaultForWhoeverKnowsNoBetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{s.entry("old", time.Second, Fault), s.entry("new", 2*time.Second, Fault, Deleted), s.entry("none", 0, Master)})
		s.Tell(of(Deleted, gw))
		time.Sleep(time.Minute)
		s.want(t, "old told fault of VI_1 at 1s", "new told deleted of VI_1 at 2s")
	})
}

// Nobody is told before the kernel is as the event says, or a second after it.
func TestTellWhenTheKernelIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{s.entry("a", 0, Master)})
		settled := func(after time.Duration) func() bool {
			return func() bool { return time.Since(s.hall.begin) >= after }
		}
		s.Tell(
			Event{Kind: Master, Subject: gw, At: time.Now(), Settled: settled(3 * time.Millisecond)},
			Event{Kind: Master, Subject: inside, At: time.Now(), Settled: settled(time.Hour)},
			of(Master, edge),
		)
		time.Sleep(time.Minute)
		s.want(t, "a told master of edge at 0s", "a told master of VI_1 at 3ms", "a told master of G1 at 1s")
	})
}

// It is opened before the first event all the same, and told what has waited.
func TestOpenBeforeTheFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		disk := make(chan struct{})
		s.Set([]Entry{{Key: "fifo", Name: "fifo", On: []Kind{Master}, Lane: "fifo", Target: &stuck{listener{name: "fifo", hall: s.hall}, disk}}})
		s.Tell(of(Master, gw))
		time.Sleep(time.Second)
		s.want(t)
		close(disk)
		s.want(t, "fifo told master of VI_1 at 1s")
	})
}

// closing is a target that is closed.
type closing struct{ listener }

func (c *closing) Close() error {
	c.hall.mu.Lock()
	defer c.hall.mu.Unlock()
	c.hall.told = append(c.hall.told, c.name+" closed")
	return nil
}

// Who stays goes on with its target; who goes is told what waits, and closed.
func TestSetKeepsTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		entry := func(key string, on ...Kind) Entry {
			return Entry{Key: key, On: on, Lane: key, Target: &closing{listener: listener{name: key, takes: time.Second, hall: s.hall}}}
		}
		s.Set([]Entry{entry("stays", Master), entry("goes", Master), entry("idle", Backup)})
		s.Tell(of(Master, gw), of(Master, inside))
		synctest.Wait()
		s.Set([]Entry{entry("stays", Master, Backup), entry("comes", Backup)})
		s.Tell(of(Backup, gw))
		s.want(t, "idle closed")
		time.Sleep(time.Minute)
		synctest.Wait()
		s.hall.mu.Lock()
		slices.Sort(s.told)
		s.hall.mu.Unlock()
		s.want(t,
			"comes told backup of VI_1 at 1s",
			"goes closed",
			"goes told master of G1 at 2s",
			"goes told master of VI_1 at 1s",
			"idle closed",
			"stays told backup of VI_1 at 3s",
			"stays told master of G1 at 2s",
			"stays told master of VI_1 at 1s",
		)
		if got := s.Tallies(); len(got) != 2 || got[0].Told != 3 || got[1].Told != 1 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestTallyOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.run(t)
		s.Set([]Entry{{Key: "a", Name: "a", On: []Kind{Master}, Target: &listener{name: "a", fails: errors.New("exit code 3"), hall: s.hall}}})
		s.Tell(of(Master, gw))
		synctest.Wait()
		want := Tally{Name: "a", Failed: 1, Error: "exit code 3", Last: time.Now()}
		if got := s.Tallies(); len(got) != 1 || got[0] != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
		if lines := s.log.warnings(); len(lines) != 1 || !strings.Contains(lines[0], `target=a event="master of VI_1" error="exit code 3"`) {
			t.Errorf("warned %q", lines)
		}
	})
}
