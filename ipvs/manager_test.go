package ipvs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// logLines is a log that tests read.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// count returns how many lines have all the words.
func (l *logLines) count(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

// managed is a Manager on a model kernel.
type managed struct {
	*Manager
	k      *modelKernel
	lines  *logLines
	record string
}

func manage(t *testing.T, k *modelKernel) *managed {
	return manageAgain(t, k, filepath.Join(t.TempDir(), "ipvs.json"))
}

// manageAgain is what the next process does.
func manageAgain(t *testing.T, k *modelKernel, record string) *managed {
	t.Helper()
	lines := &logLines{}
	m := newManager(Config{Record: record, Log: slog.New(slog.NewTextHandler(lines, nil))}, k.open)
	return &managed{m, k, lines, record}
}

// run starts Run, and returns what ends it and waits for that.
func (m *managed) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	synctest.Wait()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, talks, _ := m.k.counts(); talks != 0 {
			t.Errorf("%d conversations with the kernel go on, want none", talks)
		}
	})
}

// set is Set, and what Run does at once.
func (m *managed) set(s Settings, services ...Service) {
	m.Set(services, s)
	synctest.Wait()
}

// pass lets time pass, and what is due then be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// keys reads the record.
func (m *managed) keys(t *testing.T) []Key {
	t.Helper()
	r, err := record(m.record).Read()
	if err != nil {
		t.Error(err)
	}
	return r.Keys
}

func wantKeys(t *testing.T, what string, got []Key, want ...Service) {
	t.Helper()
	var keys []Key
	for _, s := range want {
		keys = append(keys, s.Key)
	}
	if !slices.Equal(got, keys) {
		t.Errorf("%s: %v, want %v", what, got, keys)
	}
}

func TestManagerBringsServicesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(2, 1), web(1, 1, 2))
		wantServices(t, m.k, web(1, 1, 2), web(2, 1))
		m.set(Settings{}, web(2, 3))
		wantServices(t, m.k, web(2, 3))
		wantKeys(t, "record", m.keys(t), web(2))
		if s := m.Status(); !s.Ready || s.Waiting != "" || len(s.Failed)+len(s.Problems) > 0 || s.Mended > 0 {
			t.Errorf("status %+v, want all well", s)
		}
	})
}

// TestManagerAsksForNoIPVSWithoutNeed: asking may load the module.
func TestManagerAsksForNoIPVSWithoutNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		pass(time.Minute)
		m.set(Settings{})
		pass(time.Minute)
		if opens, _, _ := m.k.counts(); opens > 0 {
			t.Errorf("the kernel was asked %d times, want never", opens)
		}
		m.set(Settings{}, web(1))
		m.set(Settings{})
		pass(reviewEvery)
		if _, talks, _ := m.k.counts(); talks > 0 {
			t.Errorf("%d conversations go on, want none", talks)
		}
		if s := m.Status(); s.Ready || s.Waiting != "" {
			t.Errorf("status %+v, want neither ready nor waiting", s)
		}
	})
}

// TestWeightChangeNeedsNoSurvey: one step for one of 10,000 servers.
func TestWeightChangeNeedsNoSurvey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		table := bigTable(1000)
		m.set(Settings{}, table...)
		m.k.take()
		_, _, before := m.k.counts()
		m.set(Settings{}, reweighed(table, 500, 77)...)
		wantSteps(t, m.k.take(), "~ tcp 198.18.1.244:80 > 10.0.0.5:80*77")
		if _, _, after := m.k.counts(); after != before {
			t.Errorf("%d surveys, want none", after-before)
		}
		pass(reviewEvery)
		wantSteps(t, m.k.take())
		if _, _, after := m.k.counts(); after != before+1 {
			t.Errorf("%d surveys after a while, want one", after-before)
		}
		if s := m.Status(); s.Mended != 0 {
			t.Errorf("mended %d, want 0", s.Mended)
		}
	})
}

// TestAmendmentsDuringALook do not wait for it, and it does not count them as mended.
func TestAmendmentsDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1, 1, 1), web(2, 1))
		m.k.take()
		release := make(chan struct{})
		m.k.change(func(k *modelKernel) { k.dumping = func() { <-release } })
		pass(reviewEvery) // the look has begun
		m.set(Settings{}, web(1, 2, -1, 1, 1), web(2, 1))
		wantSteps(t, m.k.take(), "~ tcp 198.18.0.1:80 > 10.0.0.1:80*2",
			"+ tcp 198.18.0.1:80 > 10.0.0.4:80*1", "- tcp 198.18.0.1:80 > 10.0.0.2:80")
		m.set(Settings{}, web(1, 3, -1, 1, 1), web(3, 1))
		wantServices(t, m.k, web(1, 3, -1, 1, 1), web(2, 1))
		pass(time.Minute)
		if _, _, surveys := m.k.counts(); surveys != 2 {
			t.Errorf("%d surveys, want the one that goes on and one before", surveys)
		}
		release <- struct{}{}
		synctest.Wait()
		wantServices(t, m.k, web(1, 3, -1, 1, 1), web(3, 1))
		if s := m.Status(); s.Mended > 0 || len(s.Failed) > 0 {
			t.Errorf("mended %d, failed %v, want none", s.Mended, s.Failed)
		}
	})
}

// TestSetAsALookEnds: what is wanted by then is no mending.
func TestSetAsALookEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.Set([]Service{web(1, 1)}, Settings{})
		m.turn()
		m.digest(<-m.looks)
		m.look(*m.demanded())
		m.Set([]Service{web(1, 2)}, Settings{})
		m.digest(<-m.looks)
		wantServices(t, m.k, web(1, 2))
		if s := m.Status(); s.Mended > 0 {
			t.Errorf("mended %d, want 0", s.Mended)
		}
	})
}

// TestEndDuringALook waits for the look.
func TestEndDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		stop := m.run(t)
		m.set(Settings{}, web(1, 1))
		m.k.change(func(k *modelKernel) { k.dumping = func() { time.Sleep(time.Second) } })
		pass(reviewEvery)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the end came after %v, want it after the look, which takes a second", took)
		}
		wantServices(t, m.k, web(1, 1))
	})
}

// bigTable has services with ten servers each.
func bigTable(services int) []Service {
	var list []Service
	for i := range services {
		s := web(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
		s.Key = KeyOf(TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 80))
		list = append(list, s)
	}
	return list
}

// reweighed is the list with another weight of one server.
func reweighed(list []Service, service int, weight uint32) []Service {
	list = slices.Clone(list)
	list[service].Servers = slices.Clone(list[service].Servers)
	list[service].Servers[4].Weight = weight
	return list
}

// TestSetsDoNotPutReviewsOff: what others change is mended although weights change often.
func TestSetsDoNotPutReviewsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1), web(2))
		m.k.change(func(k *modelKernel) { k.services = k.services[:1] })
		for i := range 11 {
			m.set(Settings{}, web(1, i+2), web(2))
			pass(time.Second)
		}
		wantServices(t, m.k, web(1, 12), web(2))
	})
}

func TestManagerMends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1, 2), web(2, 1))
		m.k.change(func(k *modelKernel) { k.services = []Service{web(1, 1, 7, 1), web(3, 1)} })
		m.k.take()
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 1, 2), web(2, 1), web(3, 1))
		s := m.Status()
		if s.Mended != 4 || m.lines.count("mended", "steps=4") != 1 {
			t.Errorf("mended %d, and %d lines say so; want 4 and one", s.Mended, m.lines.count("mended"))
		}
		wantKeys(t, "foreign", s.Foreign, web(3))
		pass(time.Minute)
		if s := m.Status(); s.Mended != 4 {
			t.Errorf("mended %d after a minute, want 4", s.Mended)
		}
	})
}

// TestRestartBreaksNothing: what a predecessor left stays until the first Set, and is
// edited then.
func TestRestartBreaksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := manage(t, newModelKernel())
		stop := first.run(t)
		first.set(Settings{}, web(1, 1, 2), web(2, 1))
		stop()
		wantServices(t, first.k, web(1, 1, 2), web(2, 1))
		first.k.take()

		m := manageAgain(t, first.k, first.record)
		defer m.run(t)()
		pass(time.Minute)
		wantSteps(t, m.k.take())
		m.set(Settings{}, web(1, 1, 3))
		wantSteps(t, m.k.take(), "~ tcp 198.18.0.1:80 > 10.0.0.2:80*3", "- tcp 198.18.0.2:80")
		if s := m.Status(); s.Mended != 0 {
			t.Errorf("mended %d, want 0", s.Mended)
		}
	})
}

func TestOthersServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 9), web(2, 9)))
		defer m.run(t)()
		m.set(Settings{}, web(2, 1), web(3, 1))
		wantServices(t, m.k, web(1, 9), web(2, 9), web(3, 1))
		s := m.Status()
		wantKeys(t, "foreign", s.Foreign, web(1))
		if want := []Trouble{{web(2).Key, "somebody else has made it"}}; !slices.Equal(s.Blocked, want) {
			t.Errorf("blocked %v, want %v", s.Blocked, want)
		}
		wantKeys(t, "record", m.keys(t), web(3))

		_, _, before := m.k.counts()
		m.set(Settings{}, web(2, 4), web(3, 2)) // a weight of the blocked one, too
		wantServices(t, m.k, web(1, 9), web(2, 9), web(3, 2))
		if _, _, after := m.k.counts(); after != before {
			t.Errorf("%d surveys for a change of a blocked service, want none", after-before)
		}
		pass(time.Minute)
		if n := m.lines.count("blocked"); n != 1 {
			t.Errorf("%d lines of the blocked service, want one", n)
		}
		m.k.change(func(k *modelKernel) { k.services = slices.Delete(k.services, 1, 2) })
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 9), web(2, 4), web(3, 2))
		if s := m.Status(); len(s.Blocked) > 0 {
			t.Errorf("blocked %v, want none", s.Blocked)
		}
	})
}

// TestMadeByOthersMeanwhile: what somebody makes after the look stays as it is, too.
func TestMadeByOthersMeanwhile(t *testing.T) {
	for _, all := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := manage(t, newModelKernel())
			m.k.dumping = func() {
				m.k.change(func(k *modelKernel) { k.services, k.dumping = []Service{web(1, 9)}, nil })
			}
			defer m.run(t)()
			m.set(Settings{All: all}, web(1, 1, 1), web(2, 1))
			wantServices(t, m.k, web(1, 9), web(2, 1))
			if s := m.Status(); !slices.Equal(s.Failed, []Trouble{{web(1).Key, "somebody else has made it"}}) {
				t.Errorf("failed %v, want the service of somebody else", s.Failed)
			}
			wantKeys(t, "record", m.keys(t), web(2))
			pass(firstPause)
			if all {
				wantServices(t, m.k, web(1, 1, 1), web(2, 1))
				return
			}
			wantServices(t, m.k, web(1, 9), web(2, 1))
			if s := m.Status(); len(s.Blocked) != 1 || len(s.Failed) != 0 {
				t.Errorf("blocked %v, failed %v, want the service blocked", s.Blocked, s.Failed)
			}
			m.set(Settings{}) // perch's own goes, the other stays
			wantServices(t, m.k, web(1, 9))
		})
	}
}

// TestRefusedServiceIsNotPerchs: who makes it by hand is not overruled.
func TestRefusedServiceIsNotPerchs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.refuse = func(s step) error { return errors.New("no such scheduler") }
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		wantKeys(t, "record", m.keys(t))
		m.k.change(func(k *modelKernel) { k.refuse, k.services = nil, []Service{web(1, 9).by("rr")} })
		pass(time.Minute)
		wantServices(t, m.k, web(1, 9).by("rr"))
		m.set(Settings{})
		wantServices(t, m.k, web(1, 9).by("rr"))
	})
}

// TestUnansweredServiceIsPerchs: it may have come into the kernel.
func TestUnansweredServiceIsPerchs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.refuse = func(s step) error { return fmt.Errorf("%w: no buffer space", errUnanswered) }
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		wantKeys(t, "record", m.keys(t), web(1))
		m.k.change(func(k *modelKernel) { k.refuse, k.services = nil, []Service{web(1)} })
		pass(firstPause)
		wantServices(t, m.k, web(1, 1))
	})
}

// TestLookThatMissesAService: the kernel leaves one out of its list if others go meanwhile.
func TestLookThatMissesAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1), web(2, 1))
		m.k.change(func(k *modelKernel) {
			table := k.services
			k.services = table[1:]
			k.dumping = func() { k.change(func(k *modelKernel) { k.services, k.dumping = table, nil }) }
		})
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 1), web(2, 1))
		wantKeys(t, "record", m.keys(t), web(1), web(2))
		if s := m.Status(); len(s.Failed)+len(s.Blocked) > 0 || s.Mended > 0 {
			t.Errorf("failed %v, blocked %v, mended %d, want none", s.Failed, s.Blocked, s.Mended)
		}
	})
}

func TestAllIsOwned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 9), web(2, 9)))
		defer m.run(t)()
		m.set(Settings{}, web(2, 1))
		m.k.take()
		m.set(Settings{All: true}, web(2, 1))
		wantSteps(t, m.k.take(), "~ tcp 198.18.0.2:80 > 10.0.0.1:80*1", "- tcp 198.18.0.1:80")
		m.set(Settings{}, web(2, 2)) // which is perch's now
		wantSteps(t, m.k.take(), "~ tcp 198.18.0.2:80 > 10.0.0.1:80*2")
		wantKeys(t, "record", m.keys(t), web(2))
	})
}

func TestWaitingForIPVS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.missing = true
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		if s := m.Status(); s.Ready || s.Waiting != "the kernel has no IPVS: modprobe ip_vs" {
			t.Errorf("status %+v, want it to wait", s)
		}
		if list, err := m.Counters(); list != nil || err != nil {
			t.Errorf("counters %v, %v, want none", list, err)
		}
		for i := range 100 {
			m.set(Settings{}, web(1, i)) // which is no reason to ask more often
		}
		if opens, _, _ := m.k.counts(); opens != 1 {
			t.Errorf("asked %d times at once, want once", opens)
		}
		pass(time.Hour)
		if opens, _, _ := m.k.counts(); opens < 300 || opens > 400 {
			t.Errorf("asked %d times in an hour, want once in 10 s", opens)
		}
		if n := m.lines.count("level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
		m.k.load()
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 99))
		if s := m.Status(); !s.Ready || s.Waiting != "" {
			t.Errorf("status %+v, want it ready", s)
		}

		m.k.unload()
		m.set(Settings{}, web(1, 5))
		if s := m.Status(); s.Ready || s.Waiting == "" {
			t.Errorf("status %+v, want it to wait again", s)
		}
		m.k.load()
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 5))
		if n := m.lines.count("waiting for IPVS"); n != 2 {
			t.Errorf("%d warnings, want a second one", n)
		}
	})
}

// TestWaitingEndsWithTheWant: what is wanted anew is not told of an old wait.
func TestWaitingEndsWithTheWant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.missing = true
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		pass(time.Minute)
		m.set(Settings{})
		pass(reviewEvery)
		m.set(Settings{}, web(1, 1)) // asks at once, and once more soon
		m.k.load()
		pass(firstPause)
		wantServices(t, m.k, web(1, 1))
	})
}

// TestFlushedTable: somebody's "ipvsadm -C" is found by the next change of a weight.
func TestFlushedTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1, 1), web(2, 1))
		m.k.change(func(k *modelKernel) { k.services = nil })
		m.set(Settings{}, web(1, 1, 2), web(2, 1))
		wantServices(t, m.k, web(1, 1, 2), web(2, 1))
		if s := m.Status(); len(s.Failed)+len(s.Blocked) > 0 {
			t.Errorf("failed %v, blocked %v, want none", s.Failed, s.Blocked)
		}
	})
}

func TestInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := manage(t, newModelKernel(web(1, 9)))
		if list, err := first.Inherited(); list != nil || err != nil {
			t.Errorf("the first one inherits %v, %v, want nothing", list, err)
		}
		if opens, _, _ := first.k.counts(); opens != 0 {
			t.Errorf("the kernel was asked %d times, want never", opens)
		}
		stop := first.run(t)
		first.set(Settings{}, web(2, 1, 0), web(3, 1))
		stop()
		first.k.change(func(k *modelKernel) { k.services = k.services[:2] })
		m := manageAgain(t, first.k, first.record)
		if list, err := m.Inherited(); err != nil || !slices.EqualFunc(list, []Service{web(2, 1, 0)}, Service.equal) {
			t.Errorf("inherited %v, %v, want what is left of perch's", list, err)
		}
		m.k.unload()
		if list, err := m.Inherited(); !errors.Is(err, errModelGone) {
			t.Errorf("inherited %v, %v, want %v", list, err, errModelGone)
		}
		if _, talks, _ := m.k.counts(); talks != 0 {
			t.Errorf("%d conversations go on, want none", talks)
		}
	})
}

func TestRefusedSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.refuse = func(s step) error {
			if s.Scheduler == "foo" {
				return errors.New(`scheduler "foo": the kernel does not have it`)
			}
			return nil
		}
		defer m.run(t)()
		m.set(Settings{}, web(1, 1), web(2, 1, 1).by("foo"), web(3).by("foo"))
		wantServices(t, m.k, web(1, 1))
		want := []Trouble{
			{web(2).Key, `scheduler "foo": the kernel does not have it`},
			{web(3).Key, `scheduler "foo": the kernel does not have it`},
		}
		if s := m.Status(); !s.Ready || !slices.Equal(s.Failed, want) {
			t.Errorf("failed %q, want %q", s.Failed, want)
		}
		_, _, before := m.k.counts()
		m.k.take()
		m.set(Settings{}, web(1, 2), web(2, 1, 1).by("foo"), web(3).by("foo"))
		wantSteps(t, m.k.take(), "~ tcp 198.18.0.1:80 > 10.0.0.1:80*2")
		if _, _, after := m.k.counts(); after != before {
			t.Errorf("%d surveys for a change of another service, want none", after-before)
		}
		pass(time.Hour)
		if _, _, after := m.k.counts(); after-before > 400 {
			t.Errorf("%d tries in an hour, want one in 10 s", after-before)
		}
		if n := m.lines.count("level=WARN"); n != 1 || m.lines.count("services=2") != 1 {
			t.Errorf("%d warnings, want one for both", n)
		}
		if n := m.lines.count("services of IPVS changed"); n != 1 {
			t.Errorf("%d lines of changes, want one: the rest was refused again", n)
		}
		m.set(Settings{}, web(1, 2), web(2, 1, 1).by("rr"), web(3).by("foo")) // at once
		wantServices(t, m.k, web(1, 2), web(2, 1, 1).by("rr"))
		m.k.change(func(k *modelKernel) { k.refuse = nil })
		pass(reviewEvery)
		wantServices(t, m.k, web(1, 2), web(2, 1, 1).by("rr"), web(3).by("foo"))
		if s := m.Status(); len(s.Failed) > 0 || s.Mended > 0 {
			t.Errorf("failed %v, mended %d, want none", s.Failed, s.Mended)
		}
	})
}

// TestRefusedMending: what could not be mended is not counted.
func TestRefusedMending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		m.k.change(func(k *modelKernel) {
			k.services = []Service{web(1)}
			k.refuse = func(step) error { return errors.New("busy") }
		})
		pass(reviewEvery)
		if s := m.Status(); len(s.Failed) != 1 || s.Mended != 0 {
			t.Errorf("failed %v, mended %d, want one and 0", s.Failed, s.Mended)
		}
	})
}

// TestRefusedAmendment: a step that fails without a look is tried with one.
func TestRefusedAmendment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1, 1), web(2, 1))
		m.k.change(func(k *modelKernel) { k.services[0] = web(1, 1) })
		m.set(Settings{}, web(1, 1, 2), web(2, 1))
		wantServices(t, m.k, web(1, 1, 2), web(2, 1))
		if s := m.Status(); len(s.Failed) > 0 {
			t.Errorf("failed %v, want none", s.Failed)
		}
	})
}

// TestRetriesSlowDown: up to one with each review, and start anew after all was well.
func TestRetriesSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		for range 2 {
			m.k.change(func(k *modelKernel) { k.refuse = func(step) error { return errors.New("busy") } })
			m.set(Settings{}, web(1))
			begin := time.Now()
			var at []time.Duration
			m.k.change(func(k *modelKernel) {
				k.refuse = func(step) error {
					at = append(at, time.Since(begin))
					return errors.New("busy")
				}
			})
			pass(40 * time.Second)
			const ms = time.Millisecond
			want := []time.Duration{500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 15500 * ms, 25500 * ms, 35500 * ms}
			if !slices.Equal(at, want) {
				t.Errorf("tried after %v, want %v", at, want)
			}
			m.k.change(func(k *modelKernel) { k.refuse = nil })
			pass(reviewEvery)
			wantServices(t, m.k, web(1))
			m.set(Settings{})
		}
	})
}

func TestOneLineForOneReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1), web(2)))
		defer m.run(t)()
		m.set(Settings{}, web(1), web(2))
		if m.lines.count("blocked") != 1 || m.lines.count("blocked", "198.18.0.1:80", "services=2") != 1 {
			t.Errorf("%d lines, want one for two services", m.lines.count("blocked"))
		}
		m.k.change(func(k *modelKernel) { k.services = []Service{web(1), web(2), web(3)} })
		m.set(Settings{}, web(1), web(2), web(3))
		if m.lines.count("blocked") != 2 || m.lines.count("blocked", "198.18.0.3:80", "services=1") != 1 {
			t.Errorf("%d lines, want one more for the third service", m.lines.count("blocked"))
		}
	})
}

func TestLogIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.refuse = func(s step) error { return fmt.Errorf("%s: busy", s.Key) }
		defer m.run(t)()
		table := bigTable(100)
		m.set(Settings{}, table...)
		if m.lines.count("level=WARN") != 11 || m.lines.count("lines_suppressed=90") != 1 {
			t.Errorf("%d lines, want ten and one that tells of 90 more", m.lines.count("level=WARN"))
		}
		pass(time.Minute)
		if n := m.lines.count("level=WARN"); n != 11 {
			t.Errorf("%d lines after a minute, want 11", n)
		}
		if n := len(m.Status().Failed); n != 100 {
			t.Errorf("%d services failed in the status, want 100", n)
		}
	})
}

func TestRefusedRemovalIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		m.k.change(func(k *modelKernel) {
			k.refuse = func(s step) error { return errors.New("busy") }
		})
		m.set(Settings{})
		wantKeys(t, "record", m.keys(t), web(1))
		if s := m.Status(); !slices.Equal(s.Failed, []Trouble{{web(1).Key, "busy"}}) {
			t.Errorf("failed %v, want the removal", s.Failed)
		}
		m.k.change(func(k *modelKernel) { k.refuse = nil })
		pass(firstPause)
		wantServices(t, m.k)
		wantKeys(t, "record", m.keys(t))
	})
}

// TestKeysAreWrittenBefore: a crash at any step leaves no service that perch does not know.
func TestKeysAreWrittenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.k.before = func(s step) {
			if !slices.Contains(m.keys(t), s.Key) {
				t.Errorf("%s, and the record does not know the service", s.text())
			}
		}
		defer m.run(t)()
		m.set(Settings{}, web(1, 1), web(2, 1))
		m.set(Settings{}, web(2, 1), web(3, 1))
		wantKeys(t, "record", m.keys(t), web(2), web(3))
		m.k.before = nil
		if err := os.Remove(m.record); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if _, err := os.Stat(m.record); err == nil {
			t.Error("the record was written although nothing has changed")
		}
		m.set(Settings{})
		wantKeys(t, "record", m.keys(t))
	})
}

// TestFormerTimeoutsAreWrittenBefore: so that a successor can put them back.
func TestFormerTimeoutsAreWrittenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		var known []former
		m.k.lending = func() {
			r, err := record(m.record).Read()
			if err != nil {
				t.Error(err)
			}
			known = append(known, r.Former)
		}
		defer m.run(t)()
		m.set(Settings{Timeouts: Timeouts{TCP: 60}})
		m.set(Settings{Timeouts: Timeouts{UDP: 60}})
		if want := []former{{TCP: 900}, {TCP: 900, UDP: 300}}; !slices.Equal(known, want) {
			t.Errorf("the record knew %v, want %v", known, want)
		}
	})
}

func TestDamagedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 1)))
		if err := os.WriteFile(m.record, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		defer m.run(t)()
		m.set(Settings{}, web(1, 2), web(2, 1))
		pass(time.Minute)
		wantServices(t, m.k, web(1, 1), web(2, 1))
		wantKeys(t, "record", m.keys(t), web(2))
		if n := m.lines.count("taken for somebody else's", ".corrupt"); n != 1 {
			t.Errorf("%d lines of the damage, want one", n)
		}
		if b, err := os.ReadFile(m.record + ".corrupt"); err != nil || string(b) != "{" {
			t.Errorf("kept %q, %v, want the damaged record", b, err)
		}
	})
}

// TestProblemsAreTriedAgainSoon: not with the next look at all that is well.
func TestProblemsAreTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "missing")
		m := manageAgain(t, newModelKernel(), filepath.Join(folder, "ipvs.json"))
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		pass(firstPause)
		wantKeys(t, "record", m.keys(t), web(1))
	})
}

// TestRecordThatCannotBeRead: it is not replaced by one that knows less, and read later.
func TestRecordThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 1), web(3, 1)))
		if err := os.Symlink(m.record, m.record); err != nil { // which leads nowhere
			t.Fatal(err)
		}
		if _, err := m.Inherited(); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("inherited: %v, want %v", err, syscall.ELOOP)
		}
		defer m.run(t)()
		m.set(Settings{Timeouts: Timeouts{UDP: 30}}, web(1, 2), web(2, 1))
		pass(time.Minute)
		wantServices(t, m.k, web(1, 1), web(2, 1), web(3, 1))
		if s := m.Status(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], m.record) || m.lines.count(m.record) != 1 {
			t.Errorf("problems %q, and %d lines; want one of the record", s.Problems, m.lines.count(m.record))
		}
		if err := os.Remove(m.record); err != nil {
			t.Fatal(err)
		}
		found := memory{Boot: thisBoot(), Keys: []Key{web(1).Key, web(3).Key}, Former: former{TCP: 800}}
		if err := record(m.record).Write(found); err != nil {
			t.Fatal(err)
		}
		pass(2 * reviewEvery)
		wantServices(t, m.k, web(1, 2), web(2, 1))
		wantKeys(t, "record", m.keys(t), web(1), web(2))
		if want := (Timeouts{800, 120, 30}); m.k.times != want || len(m.Status().Problems) > 0 {
			t.Errorf("timeouts %v, problems %q, want %v and none", m.k.times, m.Status().Problems, want)
		}
		m.set(Settings{})
		if want := (Timeouts{800, 120, 300}); m.k.times != want {
			t.Errorf("timeouts %v at last, want %v", m.k.times, want)
		}
	})
}

func TestRecordOfAnotherBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel(web(1, 1)))
		old := memory{Boot: "another", Keys: []Key{web(1).Key}, Former: former{TCP: 5}}
		if err := record(m.record).Write(old); err != nil {
			t.Fatal(err)
		}
		defer m.run(t)()
		m.set(Settings{}, web(2, 1))
		wantServices(t, m.k, web(1, 1), web(2, 1))
		wantKeys(t, "foreign", m.Status().Foreign, web(1))
		if m.k.times.TCP != 900 {
			t.Errorf("TCP timeout %d, want it untouched", m.k.times.TCP)
		}
	})
}

// TestRecordThatCannotBeWritten: a full disk stops no balancing, but is told of.
func TestRecordThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "missing")
		m := manageAgain(t, newModelKernel(), filepath.Join(folder, "ipvs.json"))
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		wantServices(t, m.k, web(1, 1))
		if s := m.Status(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "write record "+m.record) {
			t.Errorf("problems %q, want the record", s.Problems)
		}
		pass(time.Minute)
		if n := m.lines.count("level=WARN"); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		pass(reviewEvery)
		wantKeys(t, "record", m.keys(t), web(1))
		if s := m.Status(); len(s.Problems) > 0 {
			t.Errorf("problems %q, want none", s.Problems)
		}
	})
}

func TestTimeoutsAreLentAndPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		stop := m.run(t)
		defer stop()
		wantTimes := func(what string, want Timeouts) {
			t.Helper()
			if m.k.times != want {
				t.Errorf("%s: timeouts %v, want %v", what, m.k.times, want)
			}
		}
		m.set(Settings{Timeouts: Timeouts{TCP: 60, UDP: 30}})
		wantTimes("set", Timeouts{60, 120, 30})
		m.set(Settings{Timeouts: Timeouts{TCP: 60, TCPFin: 20}})
		wantTimes("others", Timeouts{60, 20, 300})
		m.k.change(func(k *modelKernel) { k.times.TCP = 1 })
		pass(reviewEvery)
		wantTimes("mended", Timeouts{60, 20, 300})
		if s := m.Status(); s.Mended != 1 {
			t.Errorf("mended %d, want 1", s.Mended)
		}
		m.k.unload()
		pass(reviewEvery)
		m.k.load()
		pass(reviewEvery)
		wantTimes("loaded again", Timeouts{60, 20, 300})
		if s := m.Status(); s.Mended != 1 {
			t.Errorf("mended %d, want 1 as before", s.Mended)
		}
		m.set(Settings{})
		wantTimes("no longer wanted", Timeouts{900, 120, 300})
		m.set(Settings{Timeouts: Timeouts{TCP: 60}}, web(1, 1))
		stop()
		wantTimes("after the end", Timeouts{900, 120, 300})
		wantServices(t, m.k, web(1, 1))
	})
}

// TestTimeoutsOfAKilledPredecessor are put back by its successor.
func TestTimeoutsOfAKilledPredecessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newModelKernel()
		k.times.TCP = 60
		m := manage(t, k)
		if err := record(m.record).Write(memory{Boot: thisBoot(), Former: former{TCP: 900}}); err != nil {
			t.Fatal(err)
		}
		defer m.run(t)()
		m.set(Settings{}, web(1, 1))
		if k.times.TCP != 900 {
			t.Errorf("TCP timeout %d, want 900", k.times.TCP)
		}
		if s := m.Status(); s.Mended != 0 {
			t.Errorf("mended %d, want 0", s.Mended)
		}
	})
}

// TestNothingIsWanted any more: what perch has brought goes, also by the next process.
func TestNothingIsWanted(t *testing.T) {
	settings := Settings{Timeouts: Timeouts{TCP: 60}}
	for _, again := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := manage(t, newModelKernel(web(1, 9)))
			stop := m.run(t)
			m.set(settings, web(2, 1), web(3, 1))
			if again {
				stop()
				m = manageAgain(t, m.k, m.record)
				stop = m.run(t)
			}
			defer stop()
			m.set(Settings{})
			wantServices(t, m.k, web(1, 9))
			wantKeys(t, "record", m.keys(t))
			if m.k.times.TCP != 900 || m.Status().Mended != 0 {
				t.Errorf("TCP timeout %d, mended %d, want 900 and 0", m.k.times.TCP, m.Status().Mended)
			}
			m.k.change(func(k *modelKernel) { k.times.TCP = 600 }) // by somebody else
			pass(time.Minute)
			m.set(settings)
			m.set(Settings{})
			if m.k.times.TCP != 600 {
				t.Errorf("TCP timeout %d, want 600", m.k.times.TCP)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		defer m.run(t)()
		m.set(Settings{}, web(1, 1), web(2, 1))
		list, err := m.Counters()
		if err != nil || len(list) != 2 || list[1].Connections != 2 {
			t.Errorf("counters %v, %v, want those of two services", list, err)
		}
		if _, talks, _ := m.k.counts(); talks != 1 {
			t.Errorf("%d conversations go on, want that of Run", talks)
		}
		m.k.unload()
		if _, err := m.Counters(); !errors.Is(err, errModelGone) {
			t.Errorf("error %v, want %v", err, errModelGone)
		}
	})
}

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newModelKernel())
		m.run(t)()
		if err := m.Run(t.Context()); err == nil {
			t.Error("the second Run is no error")
		}
	})
}

// BenchmarkWeightChange is one weight among 10,000 servers, from Set to the kernel.
func BenchmarkWeightChange(b *testing.B) {
	for _, services := range []int{100, 1000} {
		b.Run(fmt.Sprint(services), func(b *testing.B) {
			k := newModelKernel()
			m := newManager(Config{}, k.open)
			tables := [2][]Service{bigTable(services), reweighed(bigTable(services), services/2, 77)}
			m.Set(tables[0], Settings{})
			m.turn()
			m.digest(<-m.looks)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				m.Set(tables[i%2], Settings{})
				m.amend(*m.demanded())
				k.take()
			}
			m.end()
		})
	}
}
