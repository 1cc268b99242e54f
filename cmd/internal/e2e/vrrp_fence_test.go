package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// fenceCases runs a case for each kind of node that takes over from a perch, and for
// each family and pace. A perch with a virtual MAC has another to tell it apart from.
func fenceCases(t *testing.T, run func(t *testing.T, s *segment)) {
	t.Helper()
	for _, backup := range []implementation{keepalived, frr, perch} {
		for name, forms := range map[string][]form{
			"IPv4":              nil,
			"IPv6":              {ipv6},
			"IPv4, 20ms":        {every(20 * time.Millisecond)},
			"IPv4, 1s":          {every(time.Second)},
			"IPv4, virtual MAC": {virtualMAC},
			"IPv6, virtual MAC": {virtualMAC, ipv6},
		} {
			high, low := newVirtual(200, forms...), newVirtual(100, forms...)
			low.VirtualMAC = false
			if high.VirtualMAC && backup.alwaysVirtualMAC {
				continue
			}
			t.Run(backup.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newSegment(t, running(perch, high), running(backup, low))
				s.start(s.members...)
				s.masterIs(s.members[0])
				run(t, s)
			})
		}
	}
}

// A perch that is killed leaves one node that answers.
func TestVRRPKilledMasterIsFenced(t *testing.T) {
	t.Parallel()
	fenceCases(t, func(t *testing.T, s *segment) {
		h, l := s.members[0], s.members[1]
		o := s.observe()
		s.kill(h)
		killed := time.Now()
		s.masterIs(l)
		s.sole(l)
		said := s.saidSince(o, killed)
		s.start(h)
		s.masterIs(h)
		s.sole(h)
		s.silent(said, h, l)
	})
}

// So does one that is frozen. When it goes on, it has first to listen whether there is
// another one, for as long as that takes to say so.
func TestVRRPFrozenMasterIsFenced(t *testing.T) {
	t.Parallel()
	fenceCases(t, func(t *testing.T, s *segment) {
		h, l := s.members[0], s.members[1]
		o := s.observe()
		must(t, h.Freeze())
		frozen := time.Now()
		h.left = true // its addresses may stay, and answer nobody
		s.eventually(l.Name+" takes over", func() bool { return s.isMaster(l) })
		s.sole(l)
		said := s.saidSince(o, frozen)
		thawed := time.Now()
		must(t, h.Thaw())
		h.left = false
		s.masterIs(h)
		s.sole(h)
		if waited := s.firstAdvert(h, thawed).Sub(thawed); waited < h.vs[0].Interval {
			t.Errorf("%s sent an advert %s after it went on, want it to listen for an interval first", h.Name, waited)
		}
		s.silent(said, h, l)
	})
}

// observe watches who speaks for the addresses.
func (s *segment) observe() *lab.Observer {
	s.t.Helper()
	o, err := s.net.client.Observe(s.members[0].addresses()...)
	must(s.t, err)
	return o
}

// said is who spoke for the addresses in a while.
type said struct {
	words []lab.Sighting
	until time.Time
}

func (s *segment) saidSince(o *lab.Observer, begin time.Time) said {
	s.t.Helper()
	until := time.Now()
	seen, err := o.Take()
	must(s.t, err)
	words := slices.DeleteFunc(seen.Sightings, func(w lab.Sighting) bool { return w.At.Before(begin) })
	return said{words, until}
}

// silent wants no word from old, which had ended, about an address once now has spoken for it,
// nor later than three intervals after its last advert. Another program that was too slow to
// read the last one, and goes by the one before, makes two owners whatever perch does. It ends
// the capture.
func (s *segment) silent(x said, old, now *member) {
	s.t.Helper()
	down := 3 * old.vs[0].Interval
	last, before := s.lastAdverts(old, x.until)
	var taken time.Time
	for _, w := range x.words {
		switch w.From {
		case now.mac(now.vs[0]):
			if taken.IsZero() {
				taken = w.At
			}
		case old.mac(old.vs[0]):
			excused := now.implementation.name != perch.name && taken.After(before.Add(down))
			if w.At.After(last.Add(down)) || !taken.IsZero() && !excused {
				s.t.Errorf("%s sent its last advert at %v, and speaks after %s took over at %v: %s", old.Name, last, now.Name, taken, w)
				return
			}
		}
	}
	if taken.IsZero() {
		s.t.Errorf("%s never spoke for its addresses", now.Name)
	}
}

// lastAdverts returns when the node sent its last advert until then, and the one before.
func (s *segment) lastAdverts(m *member, until time.Time) (last, before time.Time) {
	s.t.Helper()
	adverts, err := s.capture.Adverts()
	must(s.t, err)
	for _, a := range adverts {
		if from, _ := s.sender(a); from == m && a.At.Before(until) {
			last, before = a.At, last
		}
	}
	return last, before
}
