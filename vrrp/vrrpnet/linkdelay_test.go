package vrrpnet

import (
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// sight is a look at a link, at a second, and what comes of it.
type sight struct {
	at    time.Duration
	up    bool
	is    bool
	again time.Duration
}

func TestLinkDelays(t *testing.T) {
	for name, sights := range map[string][]sight{
		"up from the start":    {{1, true, true, 0}},
		"down from the start":  {{1, false, false, 0}},
		"down for good":        {{1, true, true, 0}, {2, false, true, 4}, {3, false, true, 4}, {4, false, false, 0}, {5, false, false, 0}},
		"down for a moment":    {{1, true, true, 0}, {2, false, true, 4}, {3, true, true, 0}, {4, false, true, 6}, {6, false, false, 0}},
		"up for good":          {{1, false, false, 0}, {2, true, false, 5}, {4, true, false, 5}, {6, true, true, 0}},
		"up for a moment":      {{1, false, false, 0}, {2, true, false, 5}, {4, false, false, 0}, {5, true, false, 8}, {8, true, true, 0}},
		"seen after its delay": {{1, true, true, 0}, {2, false, true, 4}, {9, false, false, 0}},
	} {
		var d linkDelay
		for _, s := range sights {
			is, again := d.see(s.at*time.Second, s.up, 2*time.Second, 3*time.Second)
			if is != s.is || again != s.again*time.Second {
				t.Errorf("%s: at %d s it is %v until %v, want %v until %d s", name, s.at, is, again, s.is, s.again)
			}
		}
	}
	var d linkDelay
	for i, up := range []bool{true, false, true} {
		if is, again := d.see(time.Duration(i+1), up, 0, 0); is != up || again != 0 {
			t.Errorf("without delays: %v until %v, want %v", is, again, up)
		}
	}
}

// A link that is gone for a moment leaves the master as it is; one that stays away does not.
func TestMasterOfALinkThatBounces(t *testing.T) {
	a, b := newPair(t)
	a.run()
	b.run()
	const delay = 2 * time.Second
	a.configure(instance(7, 100, func(i *Instance) { i.LinkDownDelay, i.LinkUpDelay = delay, delay/4 }))
	a.is("v7", vrrp.Master)
	since := a.status("v7").Since
	hasNoCarrier := func() bool {
		a.refresh()
		return slices.ContainsFunc(a.interfaces(), func(i Interface) bool { return i.Name == "eth0" && !i.Up })
	}
	must(t, b.nl.LinkSetDown(b.link("eth0"))) // a's has no carrier
	within(t, "the carrier is gone", hasNoCarrier)
	must(t, b.nl.LinkSetUp(b.link("eth0")))
	a.joined(b)
	if s := a.status("v7"); s.State != vrrp.Master || s.Since != since {
		t.Fatalf("%+v", s)
	}
	must(t, b.nl.LinkSetDown(b.link("eth0")))
	within(t, "the carrier is gone", hasNoCarrier)
	gone := time.Now()
	if s := a.status("v7"); s.State != vrrp.Master {
		t.Fatalf("%+v", s)
	}
	a.is("v7", vrrp.Fault)
	if took := time.Since(gone); took < delay/2 {
		t.Errorf("in fault after %v, not %v", took, delay)
	}
	must(t, b.nl.LinkSetUp(b.link("eth0")))
	within(t, "it is back", func() bool {
		a.refresh()
		return a.status("v7").Reason == "eth0 has just come up"
	})
	a.is("v7", vrrp.Master)
}
