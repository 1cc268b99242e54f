package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// explains waits until the perch of a node says why another does not fit, in its log and
// its status.
func (s *segment) explains(m *member, why string) {
	s.t.Helper()
	if m.name != perch.name {
		return
	}
	s.eventually(m.Name+" says: "+why, func() bool {
		for line := range strings.Lines(m.log()) {
			if strings.Contains(line, `msg="another router does not fit"`) && strings.Contains(line, why) {
				return true
			}
		}
		return false
	})
	n := station{Daemon: m.Daemon, t: s.t, binary: perchBinary(s.t)}
	heard := n.router(m.vs[0].Name).Heard
	if !slices.ContainsFunc(heard, func(h api.HeardFrom) bool { return strings.Contains(h.Advice, why) }) {
		s.t.Errorf("the status of %s does not say %q: %+v", m.Name, why, heard)
	}
}

// Nodes that do not heed each other are all masters, in every implementation. Perch
// says why.
func TestVRRPStrangers(t *testing.T) {
	t.Parallel()
	asItIs := func(*virtual) {}
	fast := func(v *virtual) { v.Version, v.Interval = 3, 100*time.Millisecond }
	fastUnicast := func(v *virtual) { fast(v); unicast(v) }
	tests := map[string]struct {
		one, other         form
		oneSays, otherSays string // if it hears the other at all
	}{
		"passwords":              {auth("pass", "sesame"), auth("pass", "mustard"), "its password", "its password"},
		"a password and none":    {auth("pass", "sesame"), asItIs, "its auth kind is none", "its auth kind is pass"},
		"a password and AH":      {auth("pass", "sesame"), auth("ah", "sesame"), "it sends authentication headers", "it sends no authentication header"},
		"intervals of version 2": {every(time.Second), every(2 * time.Second), "its advert interval is 2s", "its advert interval is 1s"},
		"versions":               {asItIs, version3, "its version is 3, ours 2", "its version is 2, ours 3"},
		"multicast and unicast":  {fast, fastUnicast, "it sends to single peers", "it sends to the multicast group"},
	}
	for name, tt := range tests {
		for _, p := range []pair{{perch, keepalived}, {keepalived, perch}} {
			t.Run(name+"/"+p.String(), func(t *testing.T) {
				t.Parallel()
				s := newSegment(t, running(p[0], newVirtual(200, version2, tt.one)), running(p[1], newVirtual(100, version2, tt.other)))
				s.start(s.members...)
				s.bothAreMaster()
				s.explains(s.members[0], tt.oneSays)
				s.explains(s.members[1], tt.otherSays)
			})
		}
	}
}

// Keepalived 2.2.7 drops adverts with other addresses than its own. Perch heeds them, as
// RFC 9568 says, and explains.
func TestVRRPOtherAddresses(t *testing.T) {
	t.Parallel()
	t.Run("keepalived does not heed perch", func(t *testing.T) {
		t.Parallel()
		s := newSegment(t, running(perch, newVirtual(200, keeping(many4))), running(keepalived, newVirtual(100, keeping(many4[:2]))))
		s.start(s.members...)
		s.bothAreMaster()
		s.explains(s.members[0], "it advertises other addresses")
	})
	t.Run("perch heeds keepalived", func(t *testing.T) {
		t.Parallel()
		s := newSegment(t, running(keepalived, newVirtual(200, keeping(many4[:2]))), running(perch, newVirtual(100, keeping(many4))))
		s.start(s.members...)
		s.masterIs(s.members[0])
		s.explains(s.members[1], "it advertises other addresses")
	})
}

// In version 3 a backup waits by the master's interval, not by its own.
func TestVRRPOtherInterval(t *testing.T) {
	t.Parallel()
	for _, p := range allPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(p[0], newVirtual(200, every(500*time.Millisecond))), running(p[1], newVirtual(100, every(50*time.Millisecond))))
			h, l := s.members[0], s.members[1]
			s.start(l)
			s.masterIs(l)
			s.start(h)
			s.masterIs(h)
			s.never(l.Name+" takes over from a master that is slow", 2*time.Second, func() bool { return s.holdsAny(l) })
			s.kill(h)
			s.masterIs(l)
		})
	}
}
