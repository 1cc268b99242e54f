package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func all(Stranger) bool { return true }

// named returns who is remembered, by interface, address and VRID.
func (s *Strangers) named() map[string]Stranger {
	list := map[string]Stranger{}
	for _, is := range s.Append(nil) {
		list[fmt.Sprintf("%s %s %d", is.Interface, is.Address, is.VRID)] = is
	}
	return list
}

func (s *Strangers) lines(now time.Duration) (lines int) {
	for _, due := s.Due(now); due; _, due = s.Due(now) {
		lines++
	}
	return lines
}

// Strangers are told apart by interface, address and VRID, and each is told of once until
// it has been silent for long.
func TestStrangers(t *testing.T) {
	var s Strangers
	_, four := wires(version2)
	_, six := wires(overIPv6)
	_, ah := wires(behindAH)
	s.Hear(start, "eth0", four.say(100))
	s.Hear(start, "eth1", four.say(100))
	s.Hear(start, "eth0", six.say(100))
	s.Hear(start+1, "eth0", four.say(200))
	s.Hear(start+1, "eth2", ah.say(50))
	if n := s.lines(start); n != 4 || s.lines(start+2*time.Minute) != 0 {
		t.Errorf("%d lines", n)
	}
	got := s.named()
	if len(got) != 4 {
		t.Errorf("%+v", got)
	}
	if is := got["eth0 198.18.0.1 51"]; is.Version != V2 || is.Priority != 200 || is.Interval != time.Second || is.Last != start+1 {
		t.Errorf("%+v", is)
	}
	if is := got["eth2 198.18.0.1 51"]; is.Priority != 50 {
		t.Errorf("behind an authentication header: %+v", is)
	}
	s.Hear(start+silence, "eth0", four.say(100))
	s.Forget(start+silence, all)
	if got := s.named(); len(got) != 2 {
		t.Errorf("after a silence: %+v", got)
	}
	s.Hear(start+silence, "eth1", four.say(100))
	if n := s.lines(start + silence); n != 1 {
		t.Errorf("%d lines of one that is back", n)
	}
	s.Forget(start+silence, func(is Stranger) bool { return is.Interface == "eth1" })
	if got := s.named(); len(got) != 1 {
		t.Errorf("strange on eth1 alone: %+v", got)
	}
}

// What is no advert has no sender.
func TestNoStrangers(t *testing.T) {
	var s Strangers
	_, theirs := wires()
	_, ah := wires(behindAH)
	for name, spoil := range map[string]func(*Packet){
		"empty":           func(p *Packet) { p.Payload = nil },
		"too short":       func(p *Packet) { p.Payload = p.Payload[:7] },
		"another version": func(p *Packet) { p.Payload[0] = 0x41 },
		"another type":    func(p *Packet) { p.Payload[0] = 0x32 },
		"no whole header": func(p *Packet) { p.Protocol = ahProtocol },
		"half a header": func(p *Packet) {
			*p = ah.say(100)
			p.Payload = p.Payload[:10]
		},
		"of another protocol": func(p *Packet) {
			*p = ah.say(100)
			p.Payload[0] = 6
		},
	} {
		p := theirs.say(100)
		spoil(&p)
		if s.Hear(start, "eth0", p); len(s.Append(nil)) > 0 {
			t.Fatalf("%s: %+v", name, s.Append(nil))
		}
	}
}

// A flood of made-up addresses drives out nobody who is heard again and again, has no more
// lines than others, and needs no more memory.
func TestStrangersInAFlood(t *testing.T) {
	var s Strangers
	_, theirs := wires()
	p := theirs.say(100)
	s.Hear(start, "eth0", p)
	s.Hear(start, "eth0", p)
	forge := func(n int) {
		f := p
		f.Src = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		s.Hear(start+1, "eth0", f)
	}
	lines := 0
	for n := range 10 * maxStrangers {
		forge(n)
		lines += s.lines(start + 1)
	}
	if got := s.named(); len(got) != maxStrangers || got["eth0 198.18.0.1 51"].Last != start {
		t.Errorf("%d are remembered", len(got))
	}
	if lines != maxSenders {
		t.Errorf("%d lines, want %d", lines, maxSenders)
	}
	n := 0
	if allocs := testing.AllocsPerRun(1000, func() { n++; forge(n) }); allocs > 0 {
		t.Errorf("%v allocations for a packet", allocs)
	}
}
