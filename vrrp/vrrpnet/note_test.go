package vrrpnet

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// ear is a socket with the filter of notes. What is sent to it is taken for what a raw
// socket has.
type ear struct {
	t        testing.TB
	notes    *notes
	note     *note
	fd, from int
	cookie   uint64
}

const earVRID = 51

func newEar(t testing.TB) *ear {
	t.Helper()
	needNetwork(t)
	m, err := newNotes(1)
	must(t, err)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]); m.close() })
	cookie, err := cookieOf(pair[0])
	must(t, err)
	must(t, m.tell(cookie, earVRID, 3))
	must(t, m.attach(pair[0], false))
	return &ear{t, m, &m.notes[3], pair[0], pair[1], cookie}
}

// passes sends a packet, and tells whether the filter passes it, and absorbs it.
func (e *ear) passes(b []byte) (passed, absorbed bool) {
	e.t.Helper()
	before := e.note.count.Load()
	_, err := unix.Write(e.from, b)
	must(e.t, err)
	got := make([]byte, 8192)
	n, err := unix.Read(e.fd, got)
	if err == nil && !slices.Equal(got[:n], b) {
		e.t.Errorf("of %d bytes %d have come", len(b), n)
	}
	return err == nil, e.note.count.Load() > before
}

// opened has the filter absorb a packet.
func (e *ear) opened(p vrrp.Packet) {
	e.t.Helper()
	e.note.shut()
	e.note.write(e.cookie, p)
	if !e.note.open(e.note.passed(), Clock()) {
		e.t.Fatal("the note does not open")
	}
}

// advertOver makes a whole packet over IPv4, with options of so many bytes, for so many addresses.
func advertOver(options, addresses int) (vrrp.Packet, []byte) {
	a := vrrp.Advert{Version: vrrp.V3, VRID: earVRID, Priority: 100, Interval: adv}
	for i := range addresses {
		a.Addresses = append(a.Addresses, netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}))
	}
	src := netip.MustParseAddr("198.18.0.1")
	payload := a.AppendTo(nil, src, vrrp.Group4, vrrp.PseudoHeader)
	header := make([]byte, 20+options)
	header[0], header[1], header[8], header[9] = 0x40|byte(len(header)/4), 0xc0, 255, protocolVRRP
	header[3] = byte(len(header) + len(payload))
	copy(header[12:], src.AsSlice())
	copy(header[16:], vrrp.Group4.AsSlice())
	p := vrrp.Packet{Src: src, Dst: vrrp.Group4, TTL: 255, Header: header, Protocol: protocolVRRP, Payload: payload}
	return p, slices.Concat(header, payload)
}

// The filter absorbs an advert in which nothing has changed but what is not the same twice.
// A change of any other bit passes, and all after it.
func TestFilterAbsorbsNothingElse(t *testing.T) {
	e := newEar(t)
	for _, size := range []struct{ options, addresses int }{{0, 0}, {0, 1}, {4, 3}, {40, 1}, {0, 9}, {0, 10}, {0, 25}, {0, 121}} {
		p, whole := advertOver(size.options, size.addresses)
		if !writeable(p) {
			t.Fatalf("%+v: %d bytes are too long", size, len(whole))
		}
		for at := range whole {
			e.opened(p)
			if passed, absorbed := e.passes(whole); passed || !absorbed {
				t.Fatalf("%+v: the advert passes: %t; it is absorbed: %t", size, passed, absorbed)
			}
			other := slices.Clone(whole)
			other[at] ^= 1 << (at % 8)
			fickle := at >= idAt && at < idAt+2 || at >= sumAt && at < sumAt+2
			passed, absorbed := e.passes(other)
			if absorbed != fickle || absorbed && passed {
				t.Errorf("%+v, byte %d: passes: %t; is absorbed: %t", size, at, passed, absorbed)
			}
			if at == 0 || at == len(p.Header)+1 || fickle {
				continue // of another VRID, and nobody's
			}
			if passed, absorbed := e.passes(whole); !passed || absorbed {
				t.Errorf("%+v, byte %d: after another one the advert passes: %t; it is absorbed: %t", size, at, passed, absorbed)
			}
		}
		for _, other := range [][]byte{whole[:len(whole)-1], append(slices.Clone(whole), 0)} {
			e.opened(p)
			if passed, absorbed := e.passes(other); absorbed || !passed && size.addresses > 0 {
				t.Errorf("%+v: %d bytes pass: %t; they are absorbed: %t", size, len(other), passed, absorbed)
			}
		}
	}
}

// What is nobody's is dropped, what has no note passes, and so does what has another's.
func TestFilterOfOthers(t *testing.T) {
	e := newEar(t)
	p, whole := advertOver(0, 1)
	e.opened(p)
	must(t, e.notes.tell(e.cookie, 52, noNote))
	for _, tt := range []struct {
		vrid byte
		want bool
	}{{52, true}, {53, false}} {
		other := slices.Clone(whole)
		other[21] = tt.vrid
		if passed, absorbed := e.passes(other); passed != tt.want || absorbed {
			t.Errorf("VRID %d passes: %t; is absorbed: %t", tt.vrid, passed, absorbed)
		}
	}
	for length := range 22 {
		if passed, _ := e.passes(whole[:length]); passed {
			t.Errorf("%d bytes pass", length)
		}
	}
	e.note.shut()
	e.note.write(e.cookie+1, p)
	e.note.open(e.note.passed(), Clock())
	if passed, absorbed := e.passes(whole); !passed || absorbed {
		t.Errorf("it passes a filter that is another socket's: %t; it is absorbed: %t", passed, absorbed)
	}
	e.notes.untell(e.cookie, earVRID)
	if passed, _ := e.passes(whole); passed {
		t.Error("it passes, and nobody wants it")
	}
}

// The note tells when it was, and only opens while nothing waits that has come before.
func TestNoteOpens(t *testing.T) {
	e := newEar(t)
	p, whole := advertOver(0, 1)
	e.note.write(e.cookie, p)
	read := e.note.passed()
	must(t, func() error { _, err := unix.Write(e.from, whole); return err }()) // waits
	if e.note.open(read, Clock()) {
		t.Error("it opens, and a packet waits")
	}
	if !e.note.open(read+1, Clock()) {
		t.Error("it does not open, and no packet waits")
	}
	if e.note.open(read+1, Clock()) {
		t.Error("it opens twice")
	}
	before := Clock()
	e.passes(whole)
	if at, now := e.note.heard().near(before), Clock(); at < before-1<<unitShift || at > now {
		t.Errorf("it was heard at %s, want from %s to %s", at, before, now)
	}
}

func TestMoments(t *testing.T) {
	for _, at := range []time.Duration{0, 1 << unitShift, time.Hour, 208 * 24 * time.Hour, 3e5 * time.Hour} {
		at = at >> unitShift << unitShift
		for _, off := range []time.Duration{0, 1, -1, time.Second, -time.Second, 100 * 24 * time.Hour} {
			if got := momentOf(at).near(at + off); got != at {
				t.Errorf("%s, seen %s later: %s", at, off, got)
			}
		}
	}
}
