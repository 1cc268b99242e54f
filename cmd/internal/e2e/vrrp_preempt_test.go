package e2e

import (
	"testing"
	"time"
)

// A node that is not to preempt waits until the master is gone.
func TestVRRPNoPreempt(t *testing.T) {
	t.Parallel()
	for _, p := range allPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(p[0], newVirtual(200, noPreempt)), running(p[1], newVirtual(100)))
			h, l := s.members[0], s.members[1]
			s.start(l)
			s.masterIs(l)
			s.start(h)
			s.masterIs(l)
			s.never(h.Name+" preempts", time.Second, func() bool { return s.holdsAny(h) })
			s.stop(l)
			s.masterIs(h)
		})
	}
}

// A node with a delay preempts after it, not before.
func TestVRRPPreemptDelay(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	for _, p := range []pair{{perch, keepalived}, {keepalived, perch}, {perch, frr}, {perch, perch}} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(p[0], newVirtual(200, preemptDelay(delay))), running(p[1], newVirtual(100)))
			h, l := s.members[0], s.members[1]
			s.start(l)
			s.masterIs(l)
			before := time.Now()
			s.start(h)
			s.masterIs(h)
			if waited := s.firstAdvert(h, before).Sub(before); waited < delay {
				t.Errorf("%s preempted after %s, want at least %s", h.Name, waited, delay)
			}
		})
	}
}

// The owner of the addresses is the master at once (RFC 9568, section 6.4.1). Whoever
// listens first does so for longer here than a case is patient.
func TestVRRPOwner(t *testing.T) {
	t.Parallel()
	slow := every(10 * time.Second)
	s := newSegment(t, running(perch, newVirtual(255, slow)), running(keepalived, newVirtual(254, slow)))
	owner, backup := s.members[0], s.members[1]
	s.start(owner)
	s.masterIs(owner)
	s.start(backup)
	s.stop(owner)
	s.masterIs(backup)
	s.start(owner)
	s.masterIs(owner)
}
