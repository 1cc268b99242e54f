package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// hear judges and records a packet.
func (w *Wire) hear(now time.Duration, p Packet) {
	w.Judge(p, noon)
	w.Record(now)
}

func TestSenders(t *testing.T) {
	ours, theirs := wires()
	third, _ := wires(func(c *WireConfig) { c.Source, c.Version, c.Interval = lb3, V2, 5*time.Second })
	ours.hear(start, theirs.say(150))
	ours.hear(start+1, third.say(50))
	ours.hear(start+2, third.say(60))
	theirs.own.VRID = 52
	ours.hear(start+3, theirs.say(150)) // is not counted for anybody
	got := ours.AppendSenders(nil)
	if len(got) != 2 {
		t.Fatalf("%d senders", len(got))
	}
	a, b := got[0], got[1]
	if a.Address != lb1 || a.Version != V3 || a.Priority != 150 || a.Interval != time.Second || a.Addresses != 2 ||
		a.Reason != 0 || a.Heeded != 1 || a.Last != start || a.OtherInterval || a.OtherAddresses || a.TTL != 255 || a.Form != PseudoHeader {
		t.Errorf("the first: %+v", a)
	}
	if b.Address != lb3 || b.Version != V2 || b.Priority != 60 || b.Interval != 5*time.Second ||
		b.Reason != BadVersion || b.OtherInterval || b.OtherAddresses || b.Heeded != 0 || b.Last != start+2 || b.Refused.Of(BadVersion) != 2 {
		t.Errorf("the second: %+v", b)
	}
	if all := ours.Refused(); all.Of(BadVersion) != 2 || all.Of(OtherVRID) != 1 || all.Of(BadTTL) != 0 {
		t.Errorf("in all: %v", all)
	}
}

// What comes back is not foreign.
func TestLoopedPacketsHaveNoSender(t *testing.T) {
	ours, _ := wires()
	ours.hear(start, ours.say(100))
	if got := ours.AppendSenders(nil); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	all := ours.Refused()
	if all.Of(Looped) != 1 {
		t.Errorf("%v", all)
	}
}

// What may be told of a sender is remarkable, and nothing else: no good advert is.
func TestRemarkable(t *testing.T) {
	ours, theirs := wires()
	others, _ := wires(func(c *WireConfig) { c.Source, c.Interval = lb3, 5*time.Second })
	old, _ := wires(func(c *WireConfig) { c.Source, c.Version = lb3, V2 })
	strange, _ := wires(func(c *WireConfig) { c.Source, c.VRID = lb3, 52 })
	for _, tt := range []struct {
		what string
		p    Packet
		want bool
	}{
		{"good", theirs.say(150), false},
		{"another interval", others.say(150), true},
		{"refused", old.say(150), true},
		{"good again", theirs.say(150), false},
		{"our own", ours.say(150), false},
		{"of another VRID", strange.say(150), false},
	} {
		ours.hear(start, tt.p)
		if got := ours.Remarkable(); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.what, got, tt.want)
		}
		for _, due := ours.Due(start); due && !tt.want; _, due = ours.Due(start) {
			t.Errorf("%s: a line is due", tt.what)
		}
		for _, due := ours.Due(start); due; _, due = ours.Due(start) {
		}
	}
}

// Senders with made-up addresses do not drive out one that is heeded, nor do they fill
// the log.
func TestManySenders(t *testing.T) {
	ours, theirs := wires()
	ours.hear(start, theirs.say(150))
	reports := 0
	for n := range 1000 {
		p := theirs.say(150)
		p.TTL, p.Src = 1, netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
		ours.hear(start+time.Duration(n+1), p)
		if _, due := ours.Due(start + time.Duration(n+1)); due {
			reports++
		}
	}
	got := ours.AppendSenders(nil)
	if len(got) != maxSenders || got[0].Address != lb1 || reports != maxSenders {
		t.Errorf("%d senders, the first is %s, and %d reports", len(got), got[0].Address, reports)
	}
	last := 0
	for _, s := range got {
		if from := s.Address.As4(); from[2] == 3 && from[3] > 231-maxSenders+1 {
			last++
		}
	}
	if last != maxSenders-1 {
		t.Errorf("of the last ones there are %d", last)
	}
	for range 2 {
		if _, due := ours.Due(start + reportEvery + 1000); !due {
			t.Error("a minute later none is due")
		}
	}
}

func TestDue(t *testing.T) {
	ours, theirs := wires()
	now := start
	due := func(want bool, when string) {
		t.Helper()
		if s, got := ours.Due(now); got != want || got && s.Address != lb1 {
			t.Errorf("%s: due %t, %+v", when, got, s)
		}
	}
	ours.hear(now, theirs.say(150))
	due(false, "all is well")
	bad := theirs.say(150)
	bad.TTL = 1
	ours.hear(now, bad)
	due(true, "refused")
	ours.hear(now+1, bad)
	due(false, "again")
	now += time.Minute
	due(true, "a minute later")
	now += time.Minute
	due(false, "and another one, in which it was silent")
	theirs.own.Interval *= 2
	ours.hear(now, theirs.say(150))
	due(true, "heeded, but another interval")
	now += time.Minute
	ours.hear(now, theirs.say(150))
	due(false, "that is said once")
	theirs.own.Addresses = two4[:1]
	ours.hear(now, bad)
	due(true, "refused once more")
}

// Each reason says what to change, and a good sender needs nothing said.
func TestExplain(t *testing.T) {
	var cfg WireConfig
	for _, d := range Drops() {
		s := Sender{Reason: d, Address: lb1, Version: V3}
		text := s.Explain(cfg)
		if text == "" || strings.Contains(text, "%!") || strings.HasSuffix(text, ".") || len(text) > 170 {
			t.Errorf("%s: %q", d, text)
		}
	}
	for _, tt := range []struct {
		ours  func(*WireConfig)
		spoil func(*Wire) Packet
		want  string
	}{
		{alike, func(w *Wire) Packet { return w.say(100) }, ""},
		{alike, func(w *Wire) Packet { w.own.Version = V2; return w.say(100) }, "its version is 2, ours 3: set version = 2 here, or 3 there"},
		{alike, func(w *Wire) Packet { p := w.say(100); p.Payload[0] = 0x41; return p }, "its version is 4, and only 2 and 3 are spoken: give it another VRID"},
		{passwords, func(w *Wire) Packet { w.own.Auth = NoAuth; return w.say(100) }, "its auth kind is none, ours pass: set the same on both"},
		{version2, func(w *Wire) Packet { w.own.Auth = 9; return w.say(100) }, "its auth kind is kind 9, ours none: set the same on both"},
		{version2, func(w *Wire) Packet { w.own.Interval *= 2; return w.say(100) }, "its advert interval is 2s, ours 1s, and version 2 wants one: set the same on both"},
		{alike, func(w *Wire) Packet { w.own.Interval *= 2; return w.say(100) }, "its advert interval is 2s, ours 1s: backups go by the master's; set the same on both"},
		{alike, func(w *Wire) Packet { w.own.Addresses = two4[:1]; return w.say(100) }, "it advertises other addresses (1 address, and we 2 addresses): set the same on both, or keepalived before 2.3.3 will not heed ours"},
		{unicast, func(w *Wire) Packet { return received(w.Append(nil, Group4, 100, noon), lb1, Group4) }, "it sends to the multicast group, we to single peers: remove unicast_peers here, or set them there"},
		{alike, func(w *Wire) Packet { return received(w.Append(nil, lb2, 100, noon), lb1, lb2) }, "it sends to single peers or another group, we to the usual group: set the same unicast_peers or multicast_group on both"},
		{ofGroup18, func(w *Wire) Packet { return received(w.Append(nil, Group4, 100, noon), lb1, Group4) }, "it sends to single peers or another group, we to 224.0.1.18: set the same unicast_peers or multicast_group on both"},
		{alike, func(w *Wire) Packet { w.cfg.Source = lb2; return w.say(100) }, "it has our own address 198.18.0.2: give one of both another address or source"},
		{far, func(w *Wire) Packet { return w.say(100) }, "its TTL is 255, out of the range of that peer: set other min_ttl and max_ttl"},
	} {
		ours, theirs := wires(tt.ours)
		ours.hear(start, tt.spoil(theirs))
		s := ours.AppendSenders(nil)[0]
		if got := s.Explain(ours.cfg); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	ours, theirs := wires()
	p := theirs.say(100)
	senders := make([]Sender, 0, maxSenders)
	if n := testing.AllocsPerRun(100, func() {
		ours.hear(start, p)
		ours.Due(start)
		senders = ours.AppendSenders(senders[:0])
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExampleSender_Explain() {
	s := Sender{Version: V2, Reason: BadVersion}
	fmt.Println(s.Explain(WireConfig{Version: V3}))
	// Output: its version is 2, ours 3: set version = 2 here, or 3 there
}
