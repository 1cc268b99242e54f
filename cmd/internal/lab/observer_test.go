package lab

import (
	"net/netip"
	"testing"
	"time"
)

var observed = []netip.Addr{netip.MustParseAddr(vip4), netip.MustParseAddr(vip6)}

// observing returns a client that pings and observes the VIPs, and two hosts of which
// the first has them.
func observing(t *testing.T) (o *Observer, first, second *Host) {
	t.Helper()
	_, hosts := newLab(t, 3)
	for _, addr := range observed {
		give(t, hosts[1], addr.String())
	}
	o, err := hosts[0].Observe(observed...)
	must(t, err)
	for _, addr := range observed {
		waitAnswers(t, ping(t, hosts[0], addr.String()))
	}
	return o, hosts[1], hosts[2]
}

func take(t *testing.T, o *Observer) Observation {
	t.Helper()
	seen, err := o.Take()
	must(t, err)
	if seen.Dropped > 0 {
		t.Errorf("%d frames were lost", seen.Dropped)
	}
	return seen
}

func reignOf(h *Host) []Reign { return []Reign{{Term: 1, MAC: MAC(h.Eth0.MAC)}} }

// count counts the sightings of a kind for an address from a host.
func count(seen Observation, h *Host, addr netip.Addr, kind SightingKind) (n int) {
	for _, s := range seen.Sightings {
		if s.From == MAC(h.Eth0.MAC) && s.Addr == addr && s.Kind == kind {
			n++
		}
	}
	return n
}

func TestObserverSeesTheOneWhoAnswers(t *testing.T) {
	o, first, second := observing(t)
	take(t, o)
	time.Sleep(200 * time.Millisecond)
	for _, addr := range observed {
		must(t, first.Claim(addr))
	}
	seen := take(t, o)
	for _, addr := range observed {
		answers, pongs := count(seen, first, addr, Answer), count(seen, first, addr, Pong)
		// Two may be under way at each end.
		if answers < seen.Asked-2 || answers > seen.Asked+2 || answers == 0 || pongs == 0 {
			t.Errorf("%d answers for %s to %d asks, and %d pongs", answers, addr, seen.Asked, pongs)
		}
		if n := count(seen, first, addr, Announcement); n != 1 {
			t.Errorf("%d announcements of %s, want 1", n, addr)
		}
	}
	var j Judge
	if v := j.Judge(seen.Sightings, append(reignOf(first), reignOf(second)...)); v != nil {
		t.Error(v)
	}
}

// The control: a second host that answers is found, at once and for each address.
func TestObserverSeesTwoWhoAnswer(t *testing.T) {
	o, first, second := observing(t)
	for _, addr := range observed {
		give(t, second, addr.String())
	}
	eventually(t, "the second host has answered for both", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return count(o.seen, second, observed[0], Answer) >= 5 && count(o.seen, second, observed[1], Answer) >= 5
	})
	var j Judge
	seen := take(t, o)
	violations := j.Judge(seen.Sightings, reignOf(first))
	if len(violations) != 2 {
		t.Fatalf("%d violations, want one for each address: %v", len(violations), violations)
	}
	for _, v := range violations {
		if v.Asks < 4 || v.Intruder != MAC(second.Eth0.MAC) || v.For() <= 0 {
			t.Errorf("%s", v)
		}
	}
}

// The host that is observed from takes no notice: the client's cache is its own.
func TestObserverLeavesTheNeighborCacheAlone(t *testing.T) {
	_, hosts := newLab(t, 2)
	give(t, hosts[1], vip4)
	give(t, hosts[1], vip6)
	o, err := hosts[0].Observe(observed...)
	must(t, err)
	eventually(t, "both are answered for", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return count(o.seen, hosts[1], observed[0], Answer) > 0 && count(o.seen, hosts[1], observed[1], Answer) > 0
	})
	for _, addr := range observed {
		if known, err := hosts[0].Neighbor(addr); err != nil || known != nil {
			t.Errorf("the cache has %v for %s, want nothing (%v)", known, addr, err)
		}
	}
}
