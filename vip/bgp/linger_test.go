package bgp

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// holds counts placeholders.
type holds struct {
	mu           sync.Mutex
	opened, ends int
	err          error
	takes        time.Duration
}

func (h *holds) open([]netip.Prefix, time.Duration) (closer, error) {
	time.Sleep(h.takes)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return nil, h.err
	}
	h.opened++
	return h, nil
}

func (h *holds) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends++
	return nil
}

// expect checks how many placeholders are there.
func (h *holds) expect(t *testing.T, when string, want int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := h.opened - h.ends; got != want {
		t.Errorf("%s: %d placeholders, want %d", when, got, want)
	}
}

// moving runs do with a Speaker that announces one network for a while already.
func moving(t *testing.T, h *holds, do func(s *Speaker, d *bgpd)) {
	d := newBGPD()
	speak(t, d, Options{Settle: 10 * time.Second}, func(s *Speaker) {
		s.hold = h.open
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		do(s, d)
	})
	h.expect(t, "at the end", 0)
	if got := d.has(); len(got) > 0 {
		t.Errorf("networks %v are left", got)
	}
}

func TestLingerKeepsARouteThroughAMove(t *testing.T) {
	h := &holds{}
	moving(t, h, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		h.expect(t, "before the move", 1)
		s.Set(nil, 1)
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		time.Sleep(lingerFor - time.Millisecond)
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		time.Sleep(time.Millisecond)
		wants(t, d)
		h.expect(t, "after it", 0)
	})
}

// Who gets the network back while it lingers is a new owner like any other.
func TestLingeringNetworkIsTakenBack(t *testing.T) {
	moving(t, &holds{}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		s.Set(nil, 1)
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		time.Sleep(2 * lingerFor)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		s.Set(nil, 1)
		wants(t, d)
	})
}

func TestLingerEndsAtTheEnd(t *testing.T) {
	moving(t, &holds{}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		s.Set(nil, 1)
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
	})
}

func TestWhatIsGivenUpLateDoesNotLinger(t *testing.T) {
	moving(t, &holds{}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lingerFor)
		s.Set(nil, 1)
		wants(t, d)
	})
}

func TestStayKeepsTheNetwork(t *testing.T) {
	h := &holds{}
	moving(t, h, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		s.Stay()
		h.expect(t, "after it", 0)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		time.Sleep(2 * lingerFor)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		if st := inState(t, s, Announced); len(st.Wanted) != 1 {
			t.Errorf("wanted %v", st.Wanted)
		}
		s.Set(nil, 1)
	})
}

// Who has not given up after all is still a new owner, whose predecessor's machine may be
// dead and believed in.
func TestNewOwnerThatStaysIsStillPreferred(t *testing.T) {
	moving(t, &holds{}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		time.Sleep(2 * lingerFor)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		time.Sleep(10 * time.Second)
		wants(t, d, "198.18.0.100/32 route-map perch-settled")
		s.Set(nil, 1)
	})
}

// A move that has failed after the release may have made another node the owner.
func TestStayAfterTheReleaseKeepsTheRoute(t *testing.T) {
	h := &holds{}
	moving(t, h, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		s.Set(nil, 1)
		synctest.Wait()
		s.Stay()
		h.expect(t, "after it", 1)
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		time.Sleep(lingerFor)
		wants(t, d)
	})
}

func TestWithoutAPlaceholderNothingLingers(t *testing.T) {
	moving(t, &holds{err: errors.New("no tun")}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); !errors.Is(err, ErrNotLingering) {
			t.Errorf("error %v", err)
		}
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		s.Set(nil, 1)
		wants(t, d)
	})
}

func TestNothingToLinger(t *testing.T) {
	h := &holds{}
	speak(t, newBGPD(), Options{Settle: 10 * time.Second}, func(s *Speaker) {
		s.hold = h.open
		if err := s.Linger(); err != nil {
			t.Error(err)
		}
		h.expect(t, "without networks", 0)
	})
	speak(t, newBGPD(), Options{}, func(s *Speaker) {
		s.hold = h.open
		s.Set(prefixes("198.18.0.100/32"), 1)
		if err := s.Linger(); err != nil {
			t.Error(err)
		}
		h.expect(t, "where several nodes announce", 0)
	})
}

// Run ends with its context, also while networks linger and bgpd does not answer.
func TestLingerEndsWithAStoppedBGPD(t *testing.T) {
	d := newBGPD()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{ASN: 65001, Settle: 10 * time.Second})
		h := &holds{}
		s.open, s.hold = d.open, h.open
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = s.Run(ctx) })
		s.Set(prefixes("198.18.0.100/32"), 1)
		synctest.Wait()
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		d.do(func() { d.stopped = true })
		s.Set(nil, 1)
		begin := time.Now()
		cancel()
		run.Wait()
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("took %v to end", took)
		}
		h.expect(t, "at the end", 0)
	})
}

// A kernel that is stuck does not keep a move back, and leaves no placeholder behind.
func TestLingerDoesNotWaitForTheKernel(t *testing.T) {
	h := &holds{takes: 10 * time.Second}
	moving(t, h, func(s *Speaker, d *bgpd) {
		begin := time.Now()
		if err := s.Linger(); !errors.Is(err, ErrNotLingering) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v", took)
		}
		s.Set(nil, 1)
		wants(t, d)
		time.Sleep(h.takes)
		synctest.Wait()
		if h.expect(t, "at last", 0); h.opened != 1 {
			t.Errorf("%d placeholders were made", h.opened)
		}
	})
}

// A second move within a second has a placeholder of its own.
func TestLingerTwice(t *testing.T) {
	h := &holds{}
	moving(t, h, func(s *Speaker, d *bgpd) {
		for range 2 {
			if err := s.Linger(); err != nil {
				t.Fatal(err)
			}
			h.expect(t, "before a move", 1)
			s.Set(nil, 1)
			wants(t, d, "198.18.0.100/32 route-map perch-leaving")
			time.Sleep(lingerFor / 2)
			s.Set(prefixes("198.18.0.100/32"), 1)
			wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		}
		time.Sleep(2 * lingerFor)
		h.expect(t, "when it has come back for good", 0)
		wants(t, d, "198.18.0.100/32 route-map perch-fresh")
		s.Set(nil, 1)
		wants(t, d)
	})
}

// A VIP that a reload takes away while its network lingers leaves nothing behind.
func TestLingeringNetworkNoLongerOwnedGoes(t *testing.T) {
	moving(t, &holds{}, func(s *Speaker, d *bgpd) {
		if err := s.Linger(); err != nil {
			t.Fatal(err)
		}
		s.Set(nil, 1)
		if err := s.Own(nil); err != nil {
			t.Fatal(err)
		}
		wants(t, d, "198.18.0.100/32 route-map perch-leaving")
		time.Sleep(lingerFor)
		wants(t, d)
	})
}
