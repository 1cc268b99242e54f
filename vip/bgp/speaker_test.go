package bgp

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// speak runs a Speaker with a bgpd in virtual time.
func speak(t *testing.T, d *bgpd, o Options, do func(s *Speaker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.ASN = 65001
		s := New(o)
		s.open = d.open
		if err := s.Own(prefixes("198.18.0.100/32", "198.18.0.101/32")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		do(s)
		cancel()
		run.Wait()
	})
}

// wants checks what is announced.
func wants(t *testing.T, d *bgpd, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(append([]string{}, want...), d.has()); diff != "" {
		t.Errorf("networks: %s", diff)
	}
}

func inState(t *testing.T, s *Speaker, want State) Status {
	t.Helper()
	synctest.Wait()
	st := s.Status()
	if st.State != want {
		t.Errorf("state %s (%s), want %s", st.State, st.Error, want)
	}
	return st
}

func TestSetAnnouncesAndWithdraws(t *testing.T) {
	d := newBGPD("203.0.113.0/24")
	speak(t, d, Options{}, func(s *Speaker) {
		inState(t, s, Standby)
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32", "203.0.113.0/24")
		st := inState(t, s, Announced)
		if !slices.Equal(st.Announced, prefixes("198.18.0.100/32")) || len(st.Neighbors) != 1 || !st.Neighbors[0].Up() {
			t.Errorf("status %+v", st)
		}
		s.Set(nil, 1)
		wants(t, d, "203.0.113.0/24")
		inState(t, s, Standby)
	})
	if d.dials != 1 {
		t.Errorf("dialed %d times", d.dials)
	}
}

func TestMetOnceNeighborsAreKnown(t *testing.T) {
	d := newBGPD()
	d.dead = true
	speak(t, d, Options{}, func(s *Speaker) {
		select {
		case <-s.Met():
			t.Error("met a bgpd that is dead")
		default:
		}
		d.do(func() { d.dead = false })
		<-s.Met()
		if st := s.Status(); len(st.Neighbors) != 1 {
			t.Errorf("status %+v", st)
		}
		time.Sleep(3 * neighborsEvery) // it is asked again and again
	})
}

func TestTakenOverNetworksSettle(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{Settle: 10 * time.Second}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(4 * time.Second)
		s.Set(prefixes("198.18.0.100/32", "198.18.0.101/32"), 1)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh", "198.18.0.101/32 route-map perch-fresh")
		time.Sleep(7 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled", "198.18.0.101/32 route-map perch-fresh")
		time.Sleep(4 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled", "198.18.0.101/32 route-map perch-settled")
		s.Set(nil, 1)
		wants(t, d)
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
	})
}

// The routes of a later term are preferred to those of an earlier one, whose owner may have
// died just after it had taken over.
func TestFreshRoutesHaveTheMetricOfTheTerm(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{Settle: 10 * time.Second}, func(s *Speaker) {
		told := func(term uint64, metric string) {
			t.Helper()
			d.do(func() { d.said = nil })
			s.Set(prefixes("198.18.0.100/32"), term)
			wants(t, d, "198.18.0.100/32 route-map perch-fresh")
			if !slices.Contains(d.lines(), metric) {
				t.Errorf("term %d: bgpd was told %q, want %q", term, d.lines(), metric)
			}
		}
		told(7, "set metric 2147483640")
		told(9, "set metric 2147483638") // taken over anew, without a moment in between
		time.Sleep(11 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled")
		told(12, "set metric 2147483635") // another node may have had it since
		told(math.MaxUint64, "set metric 0")
	})
}

// What can be foreseen of a take-over is told before it.
func TestTakeOverIsForeseen(t *testing.T) {
	d := newBGPD()
	var term atomic.Uint64
	speak(t, d, Options{Settle: 10 * time.Second, Next: term.Load}, func(s *Speaker) {
		term.Store(7)
		time.Sleep(neighborsEvery)
		synctest.Wait()
		if !slices.Contains(d.lines(), "set metric 2147483640") {
			t.Errorf("bgpd was told %q", d.lines())
		}
		inState(t, s, Standby)
		d.do(func() { d.said = nil })
		s.Set(prefixes("198.18.0.100/32"), 7)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		if slices.Contains(d.lines(), "route-map perch-fresh permit 10") {
			t.Errorf("what was foreseen is told anew: %q", d.lines())
		}
		term.Store(9)
		time.Sleep(2 * neighborsEvery)
		synctest.Wait()
		if slices.Contains(d.lines(), "set metric 2147483638") {
			t.Errorf("the routes that are announced have the metric of a term to come: %q", d.lines())
		}
	})
}

func TestLeftoversGoAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgp.json")
	if err := ledger(path).write(prefixes("198.18.0.77/32")); err != nil {
		t.Fatal(err)
	}
	d := newBGPD("198.18.0.77/32", "198.18.0.100/32", "198.18.0.78/32", "203.0.113.0/24")
	speak(t, d, Options{Ledger: path}, func(s *Speaker) {
		wants(t, d, "198.18.0.78/32", "203.0.113.0/24")
	})
	if left, err := ledger(path).read(); err != nil || len(left) > 0 {
		t.Errorf("ledger has %v, error %v", left, err)
	}
}

func TestLedgerHasWhatIsAnnounced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "bgp.json")
	speak(t, newBGPD(), Options{Ledger: path}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.101/32", "198.18.0.100/32"), 1)
		synctest.Wait()
	})
	left, err := ledger(path).read()
	if err != nil || !slices.Equal(left, prefixes("198.18.0.100/32", "198.18.0.101/32")) {
		t.Errorf("ledger has %v, error %v", left, err)
	}
}

// A disk that is full is tried again at each look, and the log is not filled.
func TestLedgerThatCannotBeWrittenIsSaidOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgp.json")
	full := path + ".new"
	if err := os.MkdirAll(filepath.Join(full, "something"), 0o700); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	speak(t, newBGPD(), Options{Ledger: path, Log: slog.New(slog.NewTextHandler(&said, nil))}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Count(said.String(), "cannot be remembered"); got != 1 {
			t.Errorf("said %d times in a minute:\n%s", got, said.String())
		}
		if err := os.RemoveAll(full); err != nil {
			t.Error(err)
		}
		time.Sleep(lookSoon)
	})
	if left, err := ledger(path).read(); err != nil || len(left) != 1 {
		t.Errorf("ledger has %v, error %v once there is room", left, err)
	}
}

func TestDamagedLedgerIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgp.json")
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newBGPD("198.18.0.100/32")
	speak(t, d, Options{Ledger: path}, func(*Speaker) { wants(t, d) })
	if _, err := os.Stat(path + ".corrupt"); err != nil {
		t.Error(err)
	}
}

func TestNetworkNoLongerOwnedGoes(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32", "198.18.0.101/32"), 1)
		wants(t, d, "198.18.0.100/32", "198.18.0.101/32")
		if err := s.Own(prefixes("198.18.0.101/32")); err != nil {
			t.Fatal(err)
		}
		s.Set(prefixes("198.18.0.101/32"), 1)
		wants(t, d, "198.18.0.101/32")
		d.do(func() { d.networks["198.18.0.100/32"] = "" }) // is the operator's now
		time.Sleep(2 * lookLate)
		wants(t, d, "198.18.0.100/32", "198.18.0.101/32")
	})
}

func TestOwnRefusesNetworksOfMany(t *testing.T) {
	if err := New(Options{}).Own(prefixes("198.18.0.0/24")); err == nil {
		t.Error("no error")
	}
}

func TestLostNetworkComesBack(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		synctest.Wait()
		d.do(func() { clear(d.networks) })
		time.Sleep(lookSoon)
		wants(t, d, "198.18.0.100/32")
	})
}

// Who announces nothing has no need to look often, and a bgpd that takes long to write its
// configuration down is not asked for it all the time.
func TestLooksCostLittle(t *testing.T) {
	looks := func(d *bgpd) (n int) {
		for _, line := range d.lines() {
			if line == "write terminal" {
				n++
			}
		}
		return n
	}
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		time.Sleep(59 * time.Second)
		if got := looks(d); got != 6 {
			t.Errorf("%d looks in a minute with nothing to announce", got)
		}
		s.Set(prefixes("198.18.0.100/32"), 1)
		synctest.Wait()
		d.do(func() { d.pace, d.said = 10*time.Millisecond, nil })
		time.Sleep(time.Minute)
		if got := looks(d); got < 11 || got > 13 {
			t.Errorf("%d looks in a minute, each of which takes 10 ms", got)
		}
		d.do(func() { d.pace, d.said = 100*time.Millisecond, nil })
		time.Sleep(time.Minute)
		if got := looks(d); got < 5 || got > 7 {
			t.Errorf("%d looks in a minute, each of which takes 100 ms", got)
		}
	})
}

func TestRestartedBGPDIsToldAnew(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		synctest.Wait()
		d.do(func() { d.dead = true })
		time.Sleep(2 * time.Second)
		if st := inState(t, s, Unreachable); len(st.Neighbors) > 0 || st.Failures == 0 {
			t.Errorf("status %+v", st)
		}
		d.do(func() { d.dead = false; clear(d.networks) })
		time.Sleep(longestPause)
		wants(t, d, "198.18.0.100/32")
		inState(t, s, Announced)
	})
}

func TestStoppedBGPDIsWedged(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		d.do(func() { d.stopped = true })
		s.Set(prefixes("198.18.0.100/32"), 1) // returns at once
		if st := s.Status(); st.State != Pending {
			t.Errorf("state %s", st.State)
		}
		time.Sleep(4 * time.Second)
		inState(t, s, Wedged)
		d.do(func() { d.stopped = false })
		time.Sleep(longestPause + time.Second)
		wants(t, d, "198.18.0.100/32")
		inState(t, s, Announced)
	})
}

func TestUnreachableBGPDIsTriedLessOften(t *testing.T) {
	d := newBGPD()
	d.dead = true
	speak(t, d, Options{}, func(s *Speaker) {
		time.Sleep(59 * time.Second)
		d.do(func() {
			if d.dials < 15 || d.dials > 30 {
				t.Errorf("dialed %d times in 59 s", d.dials)
			}
			d.dials = 0
		})
		s.Set(prefixes("198.18.0.100/32"), 1)
		synctest.Wait()
		d.do(func() {
			if d.dials != 1 {
				t.Errorf("dialed %d times for a demand", d.dials)
			}
		})
	})
}

func TestMissingInstanceIsNotBegun(t *testing.T) {
	d := newBGPD()
	d.instance = false
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(10 * time.Second)
		if st := inState(t, s, Refused); st.Error != "bgpd refuses: its configuration has no `router bgp 65001` in the default VRF" {
			t.Errorf("error %q", st.Error)
		}
		d.do(func() {
			if slices.Contains(d.said, "router bgp 65001") {
				t.Error("an instance was begun")
			}
			d.instance = true
		})
		time.Sleep(longestPause)
		wants(t, d, "198.18.0.100/32")
	})
}

func TestRefusedCommandIsTold(t *testing.T) {
	d := newBGPD()
	d.refusing = "network 198.18.0.100/32"
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		st := inState(t, s, Refused)
		if st.Error != `bgpd refuses "network 198.18.0.100/32": Cannot do that` {
			t.Errorf("error %q", st.Error)
		}
		d.do(func() { d.refusing = "" })
		time.Sleep(time.Second)
		wants(t, d, "198.18.0.100/32")
	})
}

func TestLastDemandIsCarriedOutAtTheEnd(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32")
		s.Set(nil, 1) // and the end comes at once
	})
	if got := d.has(); len(got) > 0 {
		t.Errorf("networks %v are left", got)
	}
}

func TestTook(t *testing.T) {
	d := newBGPD()
	d.dead = true
	speak(t, d, Options{}, func(s *Speaker) {
		s.Set([]netip.Prefix{netip.MustParsePrefix("198.18.0.100/32")}, 1)
		synctest.Wait()
		d.do(func() { d.dead = false })
		time.Sleep(longestPause)
		synctest.Wait()
		if took := s.Status().Took; took <= 0 || took > longestPause {
			t.Errorf("took %v", took)
		}
	})
}

func TestNewerDemandCutsAPassShort(t *testing.T) {
	d := newBGPD()
	d.pace = 100 * time.Millisecond
	speak(t, d, Options{}, func(s *Speaker) {
		time.Sleep(time.Second)
		s.Set(prefixes("198.18.0.100/32", "198.18.0.101/32"), 1)
		time.Sleep(350 * time.Millisecond) // configure, router, family, the first network
		inState(t, s, Pending)
		s.Set(nil, 1)
		time.Sleep(2 * time.Second)
		wants(t, d)
		inState(t, s, Standby)
		d.do(func() {
			if slices.Contains(d.said, "network 198.18.0.101/32") {
				t.Errorf("bgpd was told %q", d.said)
			}
		})
	})
}

// A move comes while bgpd is told a route-map: it is not left by half.
func TestRouteMapCutShortIsMadeWhole(t *testing.T) {
	d := newBGPD()
	d.pace = 100 * time.Millisecond
	speak(t, d, Options{Settle: 5 * time.Second}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(2 * time.Second)
		d.do(func() { d.said = nil })
		for !slices.Contains(d.lines(), "configure terminal") {
			time.Sleep(50 * time.Millisecond)
		}
		s.Set(prefixes("198.18.0.100/32", "198.18.0.101/32"), 1)
		time.Sleep(20 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled", "198.18.0.101/32 route-map perch-settled")
		d.do(func() {
			if !slices.Contains(d.maps["route-map perch-settled permit 10"], " set origin incomplete") {
				t.Errorf("the route-map is %q", d.maps)
			}
		})
	})
}

// bgpd announces no network whose route-map somebody has taken out.
func TestLostRouteMapComesBack(t *testing.T) {
	d := newBGPD()
	speak(t, d, Options{Settle: time.Second}, func(s *Speaker) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(2 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled")
		d.do(func() { clear(d.maps); d.said = nil })
		time.Sleep(lookSoon)
		synctest.Wait()
		lines := d.lines()
		for _, line := range []string{"set origin incomplete", "network 198.18.0.100/32 route-map perch-settled"} {
			if !slices.Contains(lines, line) {
				t.Errorf("bgpd was not told %q", line)
			}
		}
		d.do(func() { d.said = nil })
		time.Sleep(2 * lookLate)
		if slices.Contains(d.lines(), "configure terminal") {
			t.Error("it is told again and again")
		}
	})
}

// Run ends with its context also where bgpd answers, but slowly, and much is to be withdrawn.
func TestSlowBGPDDoesNotKeepTheEndBack(t *testing.T) {
	d := newBGPD()
	path := filepath.Join(t.TempDir(), "bgp.json")
	var many []netip.Prefix
	for a := netip.MustParseAddr("198.18.2.1"); len(many) < 100; a = a.Next() {
		many = append(many, netip.PrefixFrom(a, 32))
	}
	speak(t, d, Options{Ledger: path}, func(s *Speaker) {
		if err := s.Own(many); err != nil {
			t.Fatal(err)
		}
		s.Set(many, 1)
		synctest.Wait()
		d.do(func() { d.pace, d.said = 900*time.Millisecond, nil })
		s.Set(nil, 1)
	})
	if told := d.lines(); len(told) > 10 {
		t.Errorf("it was told %d commands", len(told))
	}
	left, err := ledger(path).read()
	if err != nil || len(left) != len(many) {
		t.Errorf("the ledger has %d networks, error %v: the next start is to withdraw them all", len(left), err)
	}
}

// A disk that hangs keeps neither the announcement nor the end back.
func TestHungDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bgp.json")
	if err := unix.Mkfifo(path+".new", 0o600); err != nil {
		t.Fatal(err)
	}
	d := newBGPD()
	s := New(Options{ASN: 65001, Ledger: path})
	s.open = d.open
	if err := s.Own(prefixes("198.18.0.100/32")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx)
	}()
	s.Set(prefixes("198.18.0.100/32"), 1)
	for end := time.Now().Add(time.Minute); len(d.has()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is announced")
		}
	}
	s.Set(nil, 1)
	cancel()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
	if got := d.has(); len(got) > 0 {
		t.Errorf("networks %v are left", got)
	}
	if disk, err := os.OpenFile(path+".new", os.O_RDWR, 0); err == nil { // which lets the writer go
		_ = disk.Close()
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil { // the writer is done with the folder, which is about to go
			return
		}
	}
	t.Error("a disk that goes on is not written to")
}
