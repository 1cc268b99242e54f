package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/seesaw/quagga"

	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/bgp"
)

// fakeSpeaker notes what it is to announce.
type fakeSpeaker struct {
	mu     sync.Mutex
	owned  []netip.Prefix
	sets   [][]netip.Prefix
	term   uint64 // of the last one
	status bgp.Status
	moves  []string // what it was told of planned moves, and what came of them
	err    error    // of Linger
}

func (s *fakeSpeaker) Own(list []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owned = list
	return nil
}

func (s *fakeSpeaker) Set(list []netip.Prefix, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sets, s.term = append(s.sets, list), term
}

func (s *fakeSpeaker) Linger() error             { s.moves = append(s.moves, "linger"); return s.err }
func (s *fakeSpeaker) Stay()                     { s.moves = append(s.moves, "stay") }
func (s *fakeSpeaker) Status() bgp.Status        { return s.status }
func (s *fakeSpeaker) Run(context.Context) error { return nil }

// announced returns how many networks it is to announce now.
func (s *fakeSpeaker) announced() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sets) == 0 {
		return 0
	}
	return len(s.sets[len(s.sets)-1])
}

var routedVIPs = []vip.VIP{
	{Address: netip.MustParsePrefix("198.18.1.100/32"), Interface: "lo"},
	{Address: netip.MustParsePrefix("2001:db8:1::100/128"), Interface: "lo"},
}

func newFakeHerald(t *testing.T, vips []vip.VIP) (*herald, *fakeSpeaker) {
	t.Helper()
	s := &fakeSpeaker{}
	h := &herald{speaker: s, log: slog.New(slog.DiscardHandler)}
	if err := h.configure(vips); err != nil {
		t.Fatal(err)
	}
	return h, s
}

func TestHeraldTellsOfItsVIPsAlone(t *testing.T) {
	h, s := newFakeHerald(t, routedVIPs[:1])
	if !slices.Equal(s.owned, []netip.Prefix{routedVIPs[0].Address}) {
		t.Errorf("owned %v", s.owned)
	}
	h.announce(slices.Concat(routedVIPs, testVIPs), 1)
	if got := s.sets[0]; !slices.Equal(got, []netip.Prefix{routedVIPs[0].Address}) {
		t.Errorf("announced %v", got)
	}
	h.announce(nil, 0)
	if got := s.announced(); got != 0 {
		t.Errorf("%d announced at the end", got)
	}
}

func TestHolderTellsWhatIsToBeHeld(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		h, s := newFakeHerald(t, testVIPs)
		r.mu.Lock()
		r.holder.told = h.announce
		r.mu.Unlock()
		expectAnnounced := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := s.announced(); got != want {
				t.Errorf("%s: %d networks announced, want %d", when, got, want)
			}
		}
		r.cluster.give(2, 80*time.Millisecond)
		expectAnnounced("with a lease", 2)
		s.mu.Lock()
		if s.term != 2 {
			t.Errorf("announced in term %d, want that of the lease, 2", s.term)
		}
		s.mu.Unlock()
		time.Sleep(80 * time.Millisecond)
		expectAnnounced("at its end", 0)
		r.cluster.give(3, time.Minute)
		expectAnnounced("with another", 2)
		if err := r.configure(testVIPs[:1]); err != nil {
			t.Fatal(err)
		}
		expectAnnounced("after a reload", 1)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		expectAnnounced("at the stop", 0)
		time.Sleep(2 * idle)
		expectAnnounced("after it", 0)
	})
}

// A taking that is overtaken by a release announces nothing after it.
func TestReleaseHasTheLastWord(t *testing.T) {
	holding(t, func(t *testing.T, r *rig) {
		h, s := newFakeHerald(t, testVIPs)
		gate := make(chan struct{})
		r.mu.Lock()
		r.holder.told = h.announce
		r.mu.Unlock()
		r.kernel.change(func() { r.kernel.gate = gate })
		r.cluster.give(2, time.Minute)
		synctest.Wait() // it takes the VIPs
		r.cluster.give(0, 0)
		if err := r.release(); err != nil {
			t.Fatal(err)
		}
		close(gate)
		synctest.Wait()
		if got := s.announced(); got != 0 {
			t.Errorf("%d networks announced", got)
		}
	})
}

// Routers are prepared before the move, and told if there was none. What cannot be prepared
// is moved all the same.
func TestPlannedMove(t *testing.T) {
	failed := errors.New("nobody took over")
	for _, c := range []struct {
		linger, transfer error
		want             []string
	}{
		{nil, nil, []string{"linger", "transfer"}},
		{nil, failed, []string{"linger", "transfer", "stay"}},
		{bgp.ErrNotLingering, nil, []string{"linger", "transfer"}},
	} {
		h, s := newFakeHerald(t, routedVIPs)
		s.err = c.linger
		winner, err := h.through(func() (string, error) {
			s.moves = append(s.moves, "transfer")
			return "lb2", c.transfer
		})
		if winner != "lb2" || !errors.Is(err, c.transfer) || !slices.Equal(s.moves, c.want) {
			t.Errorf("%v, %v: %q, %v after %q, want %q", c.linger, c.transfer, winner, err, s.moves, c.want)
		}
	}
}

// A second move is refused by the cluster, and must not take the first one's routes away.
func TestPlannedMoveDuringAnother(t *testing.T) {
	h, s := newFakeHerald(t, routedVIPs)
	refused := errors.New("a move is under way")
	_, err := h.through(func() (string, error) {
		_, err := h.through(func() (string, error) { return "", refused })
		if !errors.Is(err, refused) {
			t.Errorf("error %v of the second move", err)
		}
		return "lb2", nil
	})
	if err != nil || !slices.Equal(s.moves, []string{"linger"}) {
		t.Errorf("error %v after %q", err, s.moves)
	}
	if _, err := h.through(func() (string, error) { return "lb2", nil }); err != nil || len(s.moves) != 2 {
		t.Errorf("error %v after %q", err, s.moves)
	}
}

func TestOnlyWhoAnnouncesLingers(t *testing.T) {
	if (&daemon{}).lingers() {
		t.Error("lingers without a [bgp]")
	}
	if (&daemon{herald: &herald{}, anycast: &anycast{}}).lingers() {
		t.Error("lingers with anycast")
	}
}

// A check that looks before bgpd was asked waits for that, as long as a look may take.
func TestSessionWaitsForTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, s := newFakeHerald(t, routedVIPs)
		met := make(chan struct{})
		h.met = met
		look := func() (time.Duration, error) {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := h.session(ctx, "")
			return time.Since(begun), err
		}
		s.status = bgp.Status{State: bgp.Unreachable, Error: "nobody listens"}
		if took, err := look(); err == nil || err.Error() != s.status.Error || took != time.Second {
			t.Errorf("without a bgpd: %v after %v", err, took)
		}
		s.status = bgp.Status{State: bgp.Standby, Neighbors: []bgp.Neighbor{{State: quagga.BGPStateEstablished}}}
		time.AfterFunc(time.Second/2, func() { close(met) })
		if took, err := look(); err != nil || took != time.Second/2 {
			t.Errorf("with one that comes: %v after %v", err, took)
		}
		s.status = bgp.Status{State: bgp.Unreachable, Error: "nobody listens"}
		if took, err := look(); err == nil || took > 0 {
			t.Errorf("with one that has gone: %v after %v", err, took)
		}
	})
}

func TestSession(t *testing.T) {
	up := bgp.Neighbor{Name: "198.18.0.254", State: quagga.BGPStateEstablished}
	down := bgp.Neighbor{Name: "198.18.0.253", State: quagga.BGPStateActive}
	for _, c := range []struct {
		status bgp.Status
		name   string
		want   string
	}{
		{bgp.Status{State: bgp.Pending}, "", "bgpd has not answered yet"},
		{bgp.Status{State: bgp.Standby}, "", "bgpd has no neighbor"},
		{bgp.Status{State: bgp.Wedged, Error: "bgpd does not answer"}, "", "bgpd does not answer"},
		{bgp.Status{Neighbors: []bgp.Neighbor{down, up}}, "", ""},
		{bgp.Status{Neighbors: []bgp.Neighbor{down, up}}, up.Name, ""},
		{bgp.Status{Neighbors: []bgp.Neighbor{down, up}}, down.Name, "neighbor 198.18.0.253 is in state Active"},
		{bgp.Status{Neighbors: []bgp.Neighbor{down, up}}, "198.18.0.1", "bgpd has no neighbor 198.18.0.1"},
		{bgp.Status{Neighbors: []bgp.Neighbor{down}}, "", "neighbor 198.18.0.253 is in state Active"},
		{bgp.Status{Neighbors: []bgp.Neighbor{down, down}}, "", "none of bgpd's 2 neighbors is established"},
	} {
		got := ""
		if err := sessionOf(c.status, c.name); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("neighbor %q of %+v: %q, want %q", c.name, c.status, got, c.want)
		}
	}
}
