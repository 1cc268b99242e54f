package vrrp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// listener is a router and its wire. One that is lazy hears of the repeats of an advert
// only when something else happens, or its deadline passes.
type listener struct {
	router *Router
	wire   *Wire
	lazy   bool

	repeat  Repeat
	packet  Packet // that is repeated
	learnt  bool
	repeats []time.Duration // of which it has not heard yet
}

func (l *listener) hear(now time.Duration, p Packet) {
	if l.learnt && reflect.DeepEqual(p, l.packet) {
		l.repeats = append(l.repeats, now)
		return
	}
	l.catchUp()
	advert, drop := l.wire.Judge(p, timeAt(now))
	l.wire.Record(now)
	if drop != 0 {
		return
	}
	l.router.Hear(now, p.Src, advert.Priority, advert.Interval)
	l.learnt = false
	if repeat, ok := l.wire.Repeat(); ok && l.lazy {
		l.repeat, l.packet, l.learnt = repeat, p, true
	}
	l.review(now)
}

// review ends the laziness where a repeat would do more than put off the deadline.
func (l *listener) review(now time.Duration) {
	r := &l.repeat
	l.learnt = l.learnt && l.router.Settled(now, r.From(), r.Priority(), r.Interval())
}

func (l *listener) catchUp() {
	if len(l.repeats) == 0 {
		return
	}
	last, r := l.repeats[len(l.repeats)-1], &l.repeat
	l.wire.RecordRepeats(r, uint64(len(l.repeats)), last, timeAt(last))
	if actions := l.router.Hear(last, r.From(), r.Priority(), r.Interval()); len(actions) > 0 {
		panic(fmt.Sprint("a repeat is to do something: ", actions))
	}
	l.repeats = nil
}

// other lets something happen that is no packet.
func (l *listener) other(now time.Duration, do func()) {
	l.catchUp()
	do()
	l.review(now)
}

func timeAt(now time.Duration) time.Time { return noon.Add(now) }

// packets returns what a backup may hear, the same each time.
func packets(theirs *Wire, third *Wire) []Packet {
	var all []Packet
	for _, w := range []*Wire{theirs, third} {
		for _, priority := range []uint8{0, 50, 100, 150, 255} {
			all = append(all, w.say(priority))
		}
	}
	otherTTL, otherSum, otherSource := theirs.say(150), theirs.say(150), theirs.say(150)
	otherTTL.TTL = 254
	otherSum.Payload[headerLength-1] ^= 1
	otherSource.Src = netip.MustParseAddr("198.18.0.9")
	if otherSource.Dst.Is6() {
		otherSource.Src = netip.MustParseAddr("fe80::9")
	}
	slower, fewer := theirs.cfg, theirs.cfg
	slower.Interval, fewer.Addresses = 2*slower.Interval, fewer.Addresses[:1]
	plain := NewWire(slower).say(150)
	return append(all, otherTTL, otherSum, otherSource, plain, NewWire(fewer).say(150))
}

// A router that hears of repeats late has heard, counted and decided the same as one that
// hears each of them when it comes.
func TestRepeatsAreAsIfHeard(t *testing.T) {
	unsigned := func(c *WireConfig) { c.Auth = keys12; c.Auth.Mode = ReceiveOnly }
	for name, change := range map[string]func(*WireConfig){
		"version 3": func(*WireConfig) {}, "version 2": version2, "IPv6": overIPv6, "unicast": unicast,
		"passwords": passwords, "AH": behindAH, "signed": signed, "keys": unsigned,
	} {
		t.Run(name, func(t *testing.T) {
			repeats := 0
			for seed := range uint64(150) {
				repeats += compareListeners(t, seed, change)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			_, theirs := wires(change)
			if never := theirs.ah != nil || theirs.keys != nil; never != (repeats == 0) {
				t.Errorf("%d repeats", repeats)
			}
		})
	}
}

func compareListeners(t *testing.T, seed uint64, change func(*WireConfig)) (repeats int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	_, theirs := wires(change)
	_, third := wires(change, func(c *WireConfig) { c.Addresses = c.Addresses[1:] })
	heard := packets(theirs, third)
	cfg := Config{
		Version: theirs.cfg.Version, Priority: uint8(50 + rnd.IntN(3)*50), Interval: time.Second, Preempt: rnd.IntN(2) == 0,
		PreemptDelay: time.Duration(rnd.IntN(2)) * 5 * time.Second, StartDelay: time.Duration(rnd.IntN(2)) * 3 * time.Second,
		Grouped: rnd.IntN(3) == 0,
	}
	each, late := newListener(cfg, change), newListener(cfg, change)
	late.lazy = true
	now, usual := start, heard[rnd.IntN(len(heard))]
	for range 300 {
		now += time.Duration(rnd.Int64N(int64(time.Second)))
		p := usual
		switch rnd.IntN(40) {
		case 0:
			usual = heard[rnd.IntN(len(heard))]
		case 1, 2:
			p = heard[rnd.IntN(len(heard))]
		case 3:
			now += time.Duration(rnd.Int64N(int64(8 * time.Second))) // silence, or a process that did not run
			continue
		}
		happens(rnd.IntN(60), now, each, late)
		for _, l := range []*listener{each, late} {
			if due, ticking := l.router.Deadline(); ticking && due <= now {
				l.other(now, func() { l.router.Tick(now) })
			}
			l.hear(now, p)
		}
		repeats = max(repeats, len(late.repeats))
		sameSoFar(t, now, each, late)
	}
	return repeats
}

// happens does what may happen to a router beside packets.
func happens(what int, now time.Duration, to ...*listener) {
	for _, l := range to {
		switch what {
		case 0, 1, 2:
			l.other(now, func() { l.router.SetPriority(now, uint8(what)*85) })
		case 3:
			l.other(now, func() { l.router.Stop(); l.router.Start(now) })
		case 4:
			l.other(now, func() { l.wire.Reconfigure(l.wire.cfg); l.learnt = false })
		}
	}
}

func newListener(cfg Config, change func(*WireConfig)) *listener {
	ours, _ := wires(change)
	cfg.Source = ours.cfg.Source
	l := &listener{router: New(cfg), wire: ours}
	l.router.Start(start)
	return l
}

// sameSoFar compares two listeners, of which one may not have heard of some repeats yet.
func sameSoFar(t *testing.T, now time.Duration, each, late *listener) {
	t.Helper()
	if each.router.State() != late.router.State() || each.router.Master() != late.router.Master() {
		t.Fatalf("at %s: %s of %s, want %s of %s", now,
			late.router.State(), late.router.Master(), each.router.State(), each.router.Master())
	}
	if now.Nanoseconds()%7 != 0 { // it may be late for long
		return
	}
	late.catchUp()
	if *each.router != *late.router {
		t.Fatalf("at %s:\n%+v, want\n%+v", now, late.router, each.router)
	}
	if !reflect.DeepEqual(each.wire.heard, late.wire.heard) || !reflect.DeepEqual(each.wire.peers, late.wire.peers) {
		t.Fatalf("at %s:\n%+v, want\n%+v", now, late.wire.heard, each.wire.heard)
	}
}
