package bgp

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// calm runs do with a Speaker that knows a bgpd that has a network of the operator's, some
// time after a look.
func calm(t *testing.T, do func(s *Speaker, d *bgpd)) {
	d := newBGPD("203.0.113.0/24")
	speak(t, d, Options{}, func(s *Speaker) {
		time.Sleep(lookLate/2 + neighborsEvery/2)
		d.do(func() { d.said = nil })
		do(s, d)
	})
}

// An announcement does not wait until bgpd has written its configuration down.
func TestAnnouncementComesBeforeTheLook(t *testing.T) {
	calm(t, func(s *Speaker, d *bgpd) {
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32", "203.0.113.0/24")
		lines := d.lines()
		want := []string{
			"configure terminal", "router bgp", "router bgp 65001", "address-family ipv4 unicast", "network 198.18.0.100/32", "end",
			"write terminal",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("bgpd was told %q, want %q", lines, want)
		}
		inState(t, s, Announced)
	})
}

// The time of the answer is that of the announcement, not of the look after it.
func TestTookIsUntilTheAnnouncement(t *testing.T) {
	calm(t, func(s *Speaker, d *bgpd) {
		d.do(func() { d.pace = 100 * time.Millisecond })
		s.Set(prefixes("198.18.0.100/32"), 1)
		time.Sleep(800 * time.Millisecond)
		if st := inState(t, s, Announced); st.Took != 600*time.Millisecond {
			t.Errorf("took %v, want that of six commands", st.Took)
		}
	})
}

// What others have changed since the last look is seen by the one after the announcement.
func TestAnnouncementByWhatIsNotSoAnyMore(t *testing.T) {
	calm(t, func(s *Speaker, d *bgpd) {
		d.do(func() { d.networks["198.18.0.101/32"] = "" })
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32", "203.0.113.0/24")
		d.do(func() { delete(d.networks, "198.18.0.100/32") })
		s.Set(nil, 0)
		wants(t, d, "203.0.113.0/24")
		st := inState(t, s, Standby)
		if st.Failures > 0 {
			t.Errorf("%d failures", st.Failures)
		}
	})
}

// An instance that has gone since the last look is not begun anew.
func TestInstanceThatHasGoneIsNotBegun(t *testing.T) {
	calm(t, func(s *Speaker, d *bgpd) {
		d.do(func() { d.instance = false; clear(d.networks) })
		s.Set(prefixes("198.18.0.100/32"), 1)
		inState(t, s, Refused)
		time.Sleep(lookLate)
		wants(t, d)
		d.do(func() {
			if d.instance {
				t.Errorf("an instance was begun: %q", d.said)
			}
			d.instance = true
		})
		time.Sleep(longestPause)
		wants(t, d, "198.18.0.100/32")
	})
}

// One of another AS that has come in its place is not touched.
func TestInstanceOfAnotherASIsLeftAlone(t *testing.T) {
	calm(t, func(s *Speaker, d *bgpd) {
		d.do(func() { d.other = true })
		s.Set(prefixes("198.18.0.100/32"), 1)
		if st := inState(t, s, Refused); !strings.Contains(st.Error, "router bgp 65001") {
			t.Errorf("error %q", st.Error)
		}
		wants(t, d, "203.0.113.0/24")
	})
}

// Of several instances bgpd wants to be told which one, which is safe after a look alone.
func TestSeveralInstancesAreLookedAtFirst(t *testing.T) {
	for text, others := range map[string]bool{
		"router bgp 65001\nexit\n":                               false,
		"router bgp 65001\nexit\nrouter bgp 65001 vrf blue\n":    true,
		"router bgp 65002 view red\nexit\nrouter bgp 65001\n":    true,
		"router bgp 65001\nexit\nroute-map router permit 10\n":   false,
		"router bgp 65001\n neighbor 10.1.0.254 remote-as 65000": false,
	} {
		if r := parseRunning(text, 65001, 7); r.others != others || !r.instance {
			t.Errorf("%q: others %v, instance %v", text, r.others, r.instance)
		}
	}
	d := newBGPD()
	speak(t, d, Options{}, func(s *Speaker) {
		d.do(func() { d.vrf = true })
		time.Sleep(2*lookLate + neighborsEvery/2) // at a moment at which nothing else is due
		d.do(func() { d.said = nil })
		s.Set(prefixes("198.18.0.100/32"), 1)
		wants(t, d, "198.18.0.100/32")
		if lines := d.lines(); lines[0] != "write terminal" {
			t.Errorf("bgpd was told %q", lines)
		}
	})
}
