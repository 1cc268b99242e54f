package vip

import (
	"net/netip"
	"testing"
	"time"
)

// drain takes all that is due until nothing is under way, and returns what was announced
// and how long that took.
func drain(s *sweeps, from time.Time) (said []announcement, took time.Duration) {
	now := from
	for {
		due, any := s.Deadline()
		if !any {
			return said, now.Sub(from)
		}
		now = latest(now, due)
		w := s.Take(now)
		for range w.burst() {
			addr, op, any := w.next()
			if !any {
				s.Done(w)
				break
			}
			kind := "request"
			if op == arpReply {
				kind = "reply"
			}
			said = append(said, announcement{addr: addr, kind: kind})
		}
	}
}

func TestSweepSaysAll(t *testing.T) {
	for _, prefix := range []string{"198.19.0.0/20", "198.19.0.0/31", "223.255.255.0/24"} {
		var s sweeps
		begin := time.Unix(0, 0)
		s.Begin(testRange(prefix), begin)
		said, took := drain(&s, begin)
		p := netip.MustParsePrefix(prefix)
		n := 1 << (32 - p.Bits())
		if len(said) != 2*n {
			t.Fatalf("%s: %d announcements, want %d", prefix, len(said), 2*n)
		}
		addr := p.Addr()
		for i := range n {
			if said[i].addr != addr || said[i].kind != "request" || said[n+i].addr != addr || said[n+i].kind != "reply" {
				t.Fatalf("%s: announcement %d is %v, and %v", prefix, i, said[i], said[n+i])
			}
			addr = addr.Next()
		}
		if limit := time.Duration(2*n) * time.Second / sweepRate; took > limit {
			t.Errorf("%s: took %v, want at most %v", prefix, took, limit)
		}
	}
}

func TestSweepRate(t *testing.T) {
	s := sweeps{pace: func(VIP) Pace { return Pace{Rate: 1000} }}
	begin := time.Unix(0, 0)
	s.Begin(testRange("198.19.0.0/24"), begin)
	if _, took := drain(&s, begin); took < 510*time.Millisecond || took > 514*time.Millisecond {
		t.Errorf("512 announcements took %v", took)
	}
}

// Who comes late catches up, but sends no more than some bursts in a row.
func TestSweepThatIsLate(t *testing.T) {
	s := sweeps{pace: func(VIP) Pace { return Pace{Rate: 1000} }}
	begin := time.Unix(0, 0)
	s.Begin(testRange("198.19.0.0/20"), begin)
	s.Take(begin)
	late := begin.Add(time.Hour)
	bursts := 0
	for s.Take(late) != nil {
		bursts++
	}
	if bursts != sweepLag+1 {
		t.Errorf("%d bursts in a row, want %d", bursts, sweepLag+1)
	}
}

// One that is asked for again and again comes to its end, and then once more.
func TestSweepAskedForAgain(t *testing.T) {
	var s sweeps
	v, begin := testRange("198.19.0.0/24"), time.Unix(0, 0)
	s.Begin(v, begin)
	s.Take(begin).next()
	s.Begin(v, begin)
	s.Begin(v, begin)
	if said, _ := drain(&s, begin); len(said) != 4*256-1 {
		t.Errorf("%d announcements, want two of each kind for each address", len(said)+1)
	}
}

func TestSweepDropped(t *testing.T) {
	var s sweeps
	v, begin := testRange("198.19.0.0/24"), time.Unix(0, 0)
	s.Begin(v, begin)
	s.Begin(testRange("198.19.1.0/24"), begin)
	s.Drop(v)
	if w := s.Take(begin); w == nil || w.vip == v {
		t.Errorf("dropped, and taken: %v", w)
	}
	if _, any := (&sweeps{}).Deadline(); any {
		t.Error("nothing is due at a time")
	}
}

func TestSweepAllocatesNothing(t *testing.T) {
	var s sweeps
	begin := time.Unix(0, 0)
	s.Begin(testRange("198.19.0.0/20"), begin)
	a := announcer{transport: silentKernel{}}
	l := ethernetLink(2, "eth0")
	now := begin
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(time.Second)
		w := s.Take(now)
		for range w.burst() {
			addr, op, _ := w.next()
			a.AnnounceAs(op, w.vip, addr, l)
			if !a.Send() {
				t.Fatal("not announced")
			}
		}
		if _, _, any := w.next(); !any {
			w.start()
		}
	}); n != 0 {
		t.Errorf("%v allocations for a burst", n)
	}
}

// silentKernel takes frames and keeps none.
type silentKernel struct{ transport }

func (silentKernel) Send(packets []packet) (int, error) { return len(packets), nil }
