package vrrp

import (
	"testing"
	"time"
)

func inMode(m TrailerMode) func(*WireConfig) {
	return func(c *WireConfig) { c.Auth = keys12; c.Auth.Mode = m }
}

// What each mode heeds.
func TestTrailerModes(t *testing.T) {
	forged := func(w *Wire) Packet { p := w.say(100); p.Payload[43]++; return p }
	for _, tt := range []struct {
		name                        string
		theirs                      func(*Wire) Packet
		enforce, permissive, onlyIn Drop
	}{
		{"signed", func(w *Wire) Packet { return w.say(100) }, 0, 0, 0},
		{"signed with the other key", func(w *Wire) Packet { w.keys.active = 2; return w.say(100) }, 0, 0, 0},
		{"unsigned", func(w *Wire) Packet { w.keys = nil; return w.say(100) }, NoTrailer, 0, 0},
		{"unsigned by its mode", func(w *Wire) Packet { w.keys.mode = ReceiveOnly; return w.say(100) }, NoTrailer, 0, 0},
		{"wrongly signed", forged, BadSignature, BadSignature, BadSignature},
		{"another kind of signature", func(w *Wire) Packet { p := w.say(100); p.Payload[16]++; return p }, BadTrailer, BadTrailer, BadTrailer},
		{"an unknown key", func(w *Wire) Packet { p := w.say(100); p.Payload[17] = 3; return p }, UnknownKey, UnknownKey, UnknownKey},
		{"signed too early", func(w *Wire) Packet { return w.sayAt(noon.Add(-6 * time.Second)) }, BadClock, BadClock, BadClock},
		{"half a signature", func(w *Wire) Packet { p := w.say(100); p.Payload = p.Payload[:30]; return p }, BadLength, BadLength, BadLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for mode, want := range []Drop{Enforce: tt.enforce, Permissive: tt.permissive, ReceiveOnly: tt.onlyIn} {
				ours, _ := wires(inMode(TrailerMode(mode)))
				_, theirs := wires(signed)
				if _, drop := ours.Judge(tt.theirs(theirs), noon); drop != want {
					t.Errorf("mode %d: %s, want %s", mode, drop, want)
				}
			}
		})
	}
}

// What each mode sends.
func TestTrailerModesSign(t *testing.T) {
	for _, change := range []func(*WireConfig){func(*WireConfig) {}, overIPv6, version2, unicast} {
		plain, _ := wires(change)
		unsigned := len(plain.say(100).Payload)
		for mode, want := range []int{Enforce: trailerLength, Permissive: trailerLength, ReceiveOnly: 0} {
			ours, _ := wires(inMode(TrailerMode(mode)), change)
			if got := len(ours.say(100).Payload) - unsigned; got != want {
				t.Errorf("mode %d: %d bytes more than without keys, want %d", mode, got, want)
			}
		}
	}
}

// An advert without a signature does not have one be heeded again that was signed before.
func TestTrailerModesRefuseReplays(t *testing.T) {
	for _, mode := range []TrailerMode{Enforce, Permissive, ReceiveOnly} {
		ours, _ := wires(inMode(mode))
		_, theirs := wires(signed)
		_, plain := wires()
		first := theirs.say(100)
		if _, drop := ours.Judge(first, noon); drop != 0 {
			t.Fatalf("mode %d: the first is refused: %s", mode, drop)
		}
		for range 2 {
			if _, drop := ours.Judge(first, noon); drop != Replayed {
				t.Errorf("mode %d: the first again: %s", mode, drop)
			}
			ours.Judge(plain.say(100), noon)
		}
	}
}

// Two routers go over, one at a time, and hear each other at each step.
func TestTrailerModesOfAChange(t *testing.T) {
	steps := []func(*WireConfig){func(*WireConfig) {}, inMode(ReceiveOnly), inMode(Permissive), inMode(Enforce)}
	ours, theirs := wires()
	hear := func(step int) {
		t.Helper()
		if _, drop := ours.Judge(theirs.say(100), noon); drop != 0 {
			t.Errorf("step %d: we hear %s", step, drop)
		}
		if _, drop := theirs.Judge(ours.say(100), noon); drop != 0 {
			t.Errorf("step %d: they hear %s", step, drop)
		}
	}
	change := func(w *Wire, to func(*WireConfig)) {
		cfg := w.cfg
		to(&cfg)
		w.Reconfigure(cfg)
	}
	for i, step := range steps {
		change(ours, step)
		hear(i)
		change(theirs, step)
		hear(i)
	}
	for i := len(steps) - 2; i > 0; i-- { // and back
		change(theirs, steps[i])
		hear(i)
		change(ours, steps[i])
		hear(i)
	}
}

// Before a router enforces, it tells who does not sign.
func TestTrailerModesTellWhoDoesNotSign(t *testing.T) {
	for mode, want := range []bool{Enforce: false, Permissive: true, ReceiveOnly: false} {
		ours, _ := wires(inMode(TrailerMode(mode)))
		_, theirs := wires(signed)
		_, plain := wires()
		ours.hear(start, theirs.say(100))
		if s := ours.AppendSenders(nil)[0]; s.Unsigned || s.Explain(ours.cfg) != "" {
			t.Errorf("mode %d: one that signs: %+v", mode, s)
		}
		ours.hear(start+1, plain.say(100))
		s := ours.AppendSenders(nil)[0]
		if s.Unsigned != want || want && s.Explain(ours.cfg) == "" {
			t.Errorf("mode %d: one that does not: %+v", mode, s)
		}
		if _, due := ours.Due(start + 1); mode != int(Enforce) && due != want {
			t.Errorf("mode %d: told: %v", mode, due)
		}
	}
}

// A trailer takes room only where there is one.
func TestTrailerModesHaveRoom(t *testing.T) {
	room := func(auth Authentication) int { return Capacity(V3, IPv6, 400, auth) }
	only, plain := keys12, Authentication{}
	only.Mode = ReceiveOnly
	if room(only) != room(plain) || room(keys12) >= room(plain) {
		t.Errorf("room for %d, %d without keys, %d signed", room(only), room(plain), room(keys12))
	}
}
