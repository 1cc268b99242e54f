package vrrp

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"
)

func inOrder(c *WireConfig) { c.Auth = keys12; c.Auth.Replay, c.Auth.Window = Monotonic, 0 }

// With clocks that are anywhere, an advert counts that is later than what its sender has
// signed before.
func TestMonotonic(t *testing.T) {
	ours, theirs := wires(inOrder)
	third, _ := wires(inOrder, func(c *WireConfig) { c.Source = lb3 })
	year := 365 * 24 * time.Hour
	first, next := theirs.sayAt(noon.Add(-year)), theirs.sayAt(noon.Add(-year+time.Second))
	ahead, back := theirs.sayAt(noon.Add(year)), theirs.sayAt(noon)
	forged := third.sayAt(noon.Add(3 * year))
	forged.Src = theirs.cfg.Source
	for _, tt := range []struct {
		name string
		p    Packet
		at   time.Time
		want Drop
	}{
		{"the first, of a year ago", first, noon, 0},
		{"again", first, noon, Replayed},
		{"the next", next, noon, 0},
		{"the first again", first, noon, Replayed},
		{"forged, from far ahead", forged, noon, BadSignature},
		{"from a year ahead", ahead, noon, 0},
		{"what was signed after the clock was set back", back, noon, 0},
		{"that again, years later", back, noon.Add(5 * year), Replayed},
		{"of another router, of two years ago", third.sayAt(noon.Add(-2 * year)), noon, 0},
	} {
		if _, drop := ours.Judge(tt.p, tt.at); drop != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, drop, tt.want)
		}
	}
}

// Of a restart nothing is left: whoever has recorded an advert can send it once more, until
// the sender is heard. A sender whose clock was set back meanwhile is not heeded until that
// has caught up.
func TestMonotonicAfterARestart(t *testing.T) {
	ours, theirs := wires(inOrder)
	recorded := theirs.sayAt(noon)
	later := theirs.sayAt(noon.Add(time.Second))
	hear := func(what string, p Packet, want Drop) {
		t.Helper()
		if _, drop := ours.Judge(p, noon.Add(time.Hour)); drop != want {
			t.Errorf("%s: %s, want %s", what, drop, want)
		}
	}
	hear("the last one", later, 0)
	hear("a recorded one", recorded, Replayed)
	ours.Reconfigure(ours.cfg)
	hear("a recorded one after a reload", recorded, Replayed)
	ours, _ = wires(inOrder)
	hear("a recorded one after a restart", recorded, 0)
	hear("the last one after that", later, 0)
	hear("a recorded one again", recorded, Replayed)
	_, theirs = wires(inOrder)
	hear("a sender whose clock was set back", theirs.sayAt(noon.Add(-time.Minute)), Replayed)
	hear("and has caught up", theirs.sayAt(noon.Add(2*time.Second)), 0)
}

// What goes over the wire is the same, so that each kind hears the other while the clocks
// agree.
func TestMonotonicBesideTimed(t *testing.T) {
	_, timed := wires(signed)
	ours, _ := wires(inOrder)
	if _, drop := ours.Judge(timed.say(100), noon); drop != 0 {
		t.Errorf("one that is timed is heard: %s", drop)
	}
	ours, _ = wires(signed)
	_, ordered := wires(inOrder)
	if _, drop := ours.Judge(ordered.say(100), noon); drop != 0 {
		t.Errorf("one that is not is heard: %s", drop)
	}
	if _, drop := ours.Judge(ordered.sayAt(noon.Add(time.Minute)), noon); drop != BadClock {
		t.Errorf("one that is not, at another time: %s", drop)
	}
}

// The image of the draft, and the advert that follows it on a clock that was set back by a
// month: the signature was worked out by another program.
func TestMonotonicImages(t *testing.T) {
	image := images[0]
	auth := imageKeys()
	auth.Replay, auth.Window = Monotonic, 0
	cfg := WireConfig{
		Version: V3, VRID: 51, Interval: time.Second, Addresses: []netip.Addr{image.address},
		Checksum: WithoutIt, Auth: auth, Source: image.src,
	}
	sender := NewWire(cfg)
	cfg.Source = netip.MustParseAddr("198.51.100.20")
	receiver := NewWire(cfg)
	for i, want := range []string{
		image.bytes,
		"3133c80100644402c0000264" + "010100006800000080000001" + "9295d8f3409ce02b8161d106fb57a711",
	} {
		p := received(sender.Append(nil, image.dst, 200, signedAt.AddDate(0, -i, 0)), image.src, image.dst)
		if got := hex.EncodeToString(p.Payload); got != want {
			t.Errorf("%d: made\n%s, want\n%s", i, got, want)
		}
		p.Payload = bytesOf(t, want)
		if _, drop := receiver.Judge(p, signedAt.AddDate(-10, 0, 0)); drop != 0 {
			t.Errorf("%d: %s", i, drop)
		}
	}
}

// Stamps are of the time, in whatever half of the century, and never go back.
func TestMonotonicStamps(t *testing.T) {
	auth := keys12
	auth.Replay = Monotonic
	for _, wall := range []time.Time{noon, time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)} {
		k := newKeyring(auth, newMarks(0))
		first := k.nextStamp(wall)
		if want := uint64(wall.Unix()) << 32; first != want {
			t.Errorf("%s: %x first, want %x", wall, first, want)
		}
		if got := k.nextStamp(wall.AddDate(-3, 0, 0)); got != first+1 {
			t.Errorf("%s: %x after the clock was set back, want %x", wall, got, first+1)
		}
	}
}
