package e2e

import "testing"

// lan is a second virtual router, on a second interface.
func lan(v *virtual) {
	v.Name, v.Interface, v.VRID = "lan", "eth1", 52
	v.Addresses = prefixes("198.18.1.100/24")
}

// The routers of a sync group move together when one has to.
func TestVRRPSyncGroup(t *testing.T) {
	t.Parallel()
	for _, p := range keepalivedPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			high, low := running(p[0], newVirtual(200), newVirtual(200, lan)), running(p[1], newVirtual(100), newVirtual(100, lan))
			high.synced, low.synced = true, true
			s := newSegment(t, high, low)
			h, l := s.members[0], s.members[1]
			s.start(h, l)
			s.masterIs(h)
			must(t, h.host.Links()[1].Cut())
			s.masterIs(l)
			must(t, h.host.Links()[1].Splice())
			s.masterIs(h)
			s.stop(h)
			s.masterIs(l)
		})
	}
}
