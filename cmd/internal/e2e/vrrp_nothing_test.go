package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// stateOf is the state that the perch of a node says it is in, "" while it says nothing.
func (s *segment) stateOf(m *member) string {
	s.t.Helper()
	n := station{Daemon: m.Daemon, t: s.t, binary: perchBinary(s.t)}
	status, err := n.status()
	if err != nil || len(status.VRRP) == 0 {
		return ""
	}
	return status.VRRP[0].State
}

// elects waits until one perch is the master, and the other one not.
func (s *segment) elects(master, backup *member) {
	s.t.Helper()
	s.eventually(master.Name+" is the master alone", func() bool {
		return s.stateOf(master) == api.StateMaster && s.stateOf(backup) != api.StateMaster
	})
}

// Two perch without addresses elect a master, and run a program of each change. That
// each advert is one without addresses, and nothing else, is what tshark says at the end.
func TestVRRPWithoutAddresses(t *testing.T) {
	t.Parallel()
	for name, forms := range map[string][]form{
		"version 2":              {version2, holdingNothing("ipv4")},
		"version 3":              {holdingNothing("ipv4")},
		"version 3, unicast":     {holdingNothing("ipv4"), unicast},
		"version 3, IPv6":        {holdingNothing("ipv6")},
		"version 3, virtual MAC": {holdingNothing("ipv4"), virtualMAC},
		"signed":                 {holdingNothing("ipv4"), auth("hmac", strings.Repeat("s", 32))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(tellingPerch(), newVirtual(100, forms...)), running(perch, newVirtual(200, forms...)))
			low, high := s.members[0], s.members[1]
			l := listen(t, low)
			last := func(word string) {
				t.Helper()
				want := fmt.Sprintf("own words INSTANCE gw %s 100 with 0", word)
				s.eventually(low.Name+" has run its program with: "+want, func() bool {
					ran := l.ran("gw-any")
					return len(ran) > 0 && ran[len(ran)-1] == want
				})
			}
			s.start(low)
			last("MASTER")
			s.start(high)
			s.elects(high, low)
			last("BACKUP")
			s.refusesNothing(low, high)
			s.stop(high)
			last("MASTER")
			s.saidFarewell(high)
		})
	}
}

// refusesNothing wants the perch of each node to have heeded whom it hears, and to have
// nothing to hold or to complain of.
func (s *segment) refusesNothing(members ...*member) {
	s.t.Helper()
	for _, m := range members {
		n := station{Daemon: m.Daemon, t: s.t, binary: perchBinary(s.t)}
		r := n.router("gw")
		if len(r.Addresses) > 0 || r.Adverts.Received == 0 && m.vs[0].Priority < 200 {
			s.t.Errorf("%s has %+v", m.Name, r)
		}
		for _, h := range r.Heard {
			if len(h.Dropped) > 0 || h.Advice != "" {
				s.t.Errorf("%s has heard %+v", m.Name, h)
			}
		}
	}
}

// keepalived 2.2.7 runs routers of version 2 without addresses, too. They heed each other.
func TestVRRPWithoutAddressesBesideKeepalived(t *testing.T) {
	t.Parallel()
	nothing := []form{version2, holdingNothing("ipv4")}
	t.Run("perch heeds it", func(t *testing.T) {
		t.Parallel()
		s := newSegment(t, running(perch, newVirtual(100, nothing...)), running(keepalived, newVirtual(200, nothing...)))
		s.start(s.members[0])
		s.eventually("perch is the master", func() bool { return s.stateOf(s.members[0]) == api.StateMaster })
		s.start(s.members[1])
		s.eventually("perch gives way", func() bool { return s.stateOf(s.members[0]) == api.StateBackup })
		s.refusesNothing(s.members[0])
		s.stop(s.members[1])
		s.eventually("perch is the master again", func() bool { return s.stateOf(s.members[0]) == api.StateMaster })
	})
	t.Run("it heeds perch", func(t *testing.T) {
		t.Parallel()
		s := newSegment(t, running(keepalived, newVirtual(100, nothing...)), running(perch, newVirtual(200, nothing...)))
		rules := func() bool {
			log := s.members[0].log()
			return strings.LastIndex(log, "Entering MASTER STATE") > strings.LastIndex(log, "Entering BACKUP STATE")
		}
		s.start(s.members[0])
		s.eventually("keepalived is the master", rules)
		s.start(s.members[1])
		s.eventually("keepalived gives way", func() bool { return !rules() })
	})
}

// A perch with addresses refuses adverts without, and says why.
func TestVRRPWithAndWithoutAddresses(t *testing.T) {
	t.Parallel()
	s := newSegment(t, running(perch, newVirtual(200, holdingNothing("ipv4"))), running(perch, newVirtual(100)))
	s.start(s.members...)
	s.eventually("both are masters", func() bool {
		return s.stateOf(s.members[0]) == api.StateMaster && s.stateOf(s.members[1]) == api.StateMaster
	})
	s.explains(s.members[0], "it advertises other addresses")
	s.explains(s.members[1], "it advertises no addresses")
}

// A master goes on as one when a reload takes its addresses away, and when it gives it some.
func TestRouterReloadWithAndWithoutAddresses(t *testing.T) {
	t.Parallel()
	none := router("gw", 51, 100, "", "addresses = []", `family = "ipv4"`)
	some := router("gw", 51, 100, "198.18.0.101/24")
	s, n := alone(t, none)
	s.eventuallySays("it is the master", func() bool { return n.router("gw").State == api.StateMaster })
	since := n.router("gw").Since
	out, _, code := n.ask("status")
	if code != 0 || !strings.Contains(out, "gw") || strings.Contains(out, "HELD") {
		t.Errorf("perch status exits with %d, and says of a router that holds nothing:\n%s", code, out)
	}
	n.reloads([]string{"198.18.0.101/24 eth0"}, nil, some)
	s.hasJust(n, "198.18.0.101", "")
	s.answeredBy("198.18.0.101", n)
	n.reloads(nil, []string{"198.18.0.101/24 eth0"}, none)
	s.hasJust(n, "", "198.18.0.101")
	if macs := s.answering("198.18.0.101"); len(macs) > 0 {
		t.Errorf("%v answers for an address that was removed", macs)
	}
	if r := n.router("gw"); r.State != api.StateMaster || !r.Since.Equal(since) {
		t.Errorf("it is %s since %v, and was the master since %v", r.State, r.Since, since)
	}
}
