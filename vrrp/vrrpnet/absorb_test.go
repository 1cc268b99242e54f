package vrrpnet

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// noting is a still engine whose filters take notes.
func noting(t testing.TB, n *node, instances ...Instance) *Engine {
	t.Helper()
	e := still(t, n, instances...)
	e.adopt(e.enlarge(len(instances)))
	if e.notes == nil {
		t.Fatal("there are no notes")
	}
	e.refilter()
	return e
}

// hearAll reads all that has come in.
func (e *Engine) hearAll() {
	e.look()
	for _, rc := range e.receivers {
		e.hear(rc)
	}
	e.absorb()
}

// absorbed returns how many adverts of an instance were absorbed.
func (e *Engine) absorbed(name string) uint64 {
	if a := e.runners[name].absorption; a != nil {
		return a.count.Load()
	}
	return 0
}

// speaker says to a node what any router may say.
type speaker struct {
	t      testing.TB
	fd     int
	ipv6   bool
	index  int
	source netip.Addr
	to     netip.Addr
}

func newSpeaker(t testing.TB, from *node, ipv6 bool, to netip.Addr) *speaker {
	t.Helper()
	from.here()
	family, protocol, source := unix.AF_INET, unix.IPPROTO_RAW, from.own[0]
	if ipv6 {
		family, protocol, source = unix.AF_INET6, protocolVRRP, from.own[1]
	}
	s := &speaker{t: t, ipv6: ipv6, index: from.link("eth0").Attrs().Index, source: source, to: to}
	fd, err := openSocket(family, protocol, link{"eth0", s.index}, nil)
	must(t, err)
	s.fd = fd
	t.Cleanup(func() { unix.Close(fd) })
	if ipv6 {
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1))
	}
	return s
}

// saying is what is said, and by which headers.
type saying struct {
	source   netip.Addr
	ttl      uint8
	tos      uint8
	priority uint8
	interval time.Duration
	version  vrrp.Version
	other    bool // addresses
	broken   bool // checksum
	vrid     uint8
	auth     vrrp.Auth
	secret   vrrp.Secret
}

func (s *speaker) say(is saying) {
	s.t.Helper()
	addresses := []netip.Addr{netip.AddrFrom4([4]byte{198, 18, 1, is.vrid})}
	if s.ipv6 {
		addresses = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")}
	}
	if is.other {
		addresses = append(addresses, s.source)
	}
	a := vrrp.Advert{
		Version: is.version, VRID: is.vrid, Priority: is.priority, Interval: is.interval, Addresses: addresses, Auth: is.auth, Secret: is.secret,
	}
	b := a.AppendTo(nil, is.source, s.to, vrrp.PseudoHeader)
	if is.broken {
		b[6] ^= 1
	}
	if s.ipv6 {
		control := control(is.source, link{"eth0", s.index}, int32(is.ttl))
		must(s.t, unix.Sendmsg(s.fd, b, control, &unix.SockaddrInet6{Addr: s.to.As16(), ZoneId: uint32(s.index)}, 0))
		return
	}
	header := make([]byte, 20)
	header[0], header[1], header[8], header[9] = 0x45, is.tos, is.ttl, protocolVRRP
	copy(header[12:], is.source.AsSlice())
	copy(header[16:], s.to.AsSlice())
	must(s.t, unix.Sendto(s.fd, append(header, b...), 0, &unix.SockaddrInet4{Addr: s.to.As4()}))
}

// twins are two engines on one node that hear the same: one each advert, and one with the
// help of notes.
type twins struct {
	t          testing.TB
	each, late *Engine
	speaker    *speaker
	usual      saying
	most       time.Duration // between an advert and its being read by both
}

// A router whose filter takes notes does, counts and knows the same as one that hears each
// advert, whatever is said to it. Its deadline is no later, and no sooner than the advert
// was sent.
func TestNotesAreAsIfHeard(t *testing.T) {
	password := func(i *Instance) { version2(i); auth(vrrp.Password, "secret")(i) }
	for _, tt := range []struct {
		name    string
		ipv6    bool
		unicast bool
		change  func(*Instance)
	}{
		{"IPv4", false, false, func(*Instance) {}},
		{"IPv6", true, false, ipv6},
		{"unicast", false, true, func(*Instance) {}},
		{"unicast over IPv6", true, true, ipv6},
		{"version 2", false, false, version2},
		{"version 2 with a password", false, false, password},
		{"no preemption", false, false, func(i *Instance) { i.Router.Preempt = false }},
		{"preemption later", false, false, func(i *Instance) { i.Router.PreemptDelay = adv }},
		{"group", false, false, func(i *Instance) { i.Group = "g" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t)
			group, peer := vrrp.Group4, a.own[0]
			if tt.ipv6 {
				group, peer = vrrp.Group6, a.own[1]
			}
			change := func(i *Instance) { fast(i); tt.change(i) }
			if tt.unicast {
				group = b.own[0]
				if tt.ipv6 {
					group = b.own[1]
				}
				change = func(i *Instance) {
					fast(i)
					tt.change(i)
					i.Wire.Peers = []vrrp.Peer{{Address: peer, MinTTL: 250}}
				}
			}
			i := instance(7, 100, change)
			w := &twins{t: t, each: still(t, b, i), late: noting(t, b, i), speaker: newSpeaker(t, a, tt.ipv6, group)}
			w.usual = saying{
				source: peer, ttl: 255, priority: 200, interval: i.Wire.Interval, version: i.Wire.Version, vrid: 7,
				auth: i.Wire.Auth.Kind, secret: i.Wire.Auth.Secret,
			}
			w.live(rand.New(rand.NewPCG(7, 7)), 600)
			if n := w.late.absorbed("v7"); n < 100 {
				t.Errorf("%d adverts were absorbed", n)
			}
		})
	}
}

// fast has the shortest interval that there is.
func fast(i *Instance) {
	i.Router.Interval, i.Wire.Interval = 10*time.Millisecond, 10*time.Millisecond
}

// live has something happen so many times.
func (w *twins) live(rnd *rand.Rand, times int) {
	for range times {
		is := w.usual
		if rnd.IntN(12) == 0 {
			is = w.unusual(rnd)
		}
		switch rnd.IntN(40) {
		case 0:
			w.usual = is
		case 1:
			w.usual.priority = []uint8{50, 100, 200}[rnd.IntN(3)]
		case 2, 3, 4:
			w.silence(rnd.IntN(2) == 0)
		case 5:
			w.prioritise([]uint8{0, 50, 100, 150}[rnd.IntN(4)])
		case 6:
			w.reconfigure(rnd.IntN(2) == 0)
		case 7:
			w.tick()
		case 8, 9, 10, 11, 12, 13:
			until := Clock() + time.Duration(rnd.IntN(3000))*time.Microsecond
			within(w.t, "some time", func() bool { return Clock() > until })
		}
		w.say(is)
		if w.same(rnd.IntN(8) == 0); w.t.Failed() {
			w.t.Fatalf("after %+v", is)
		}
	}
}

func (w *twins) unusual(rnd *rand.Rand) saying {
	is := w.usual
	switch rnd.IntN(9) {
	case 0:
		is.priority = 0
	case 1:
		is.ttl = uint8(249 + rnd.IntN(7))
	case 2:
		is.source = netip.AddrFrom4([4]byte{198, 18, 0, 3})
		if w.speaker.ipv6 {
			is.source = netip.MustParseAddr("fe80::3")
		}
	case 3:
		is.broken = true
	case 4:
		is.other = true
	case 5:
		is.interval *= 2
	case 6:
		is.version = 5 - is.version
	case 7:
		is.tos = 0x10
	case 8:
		is.priority = uint8(50 * rnd.IntN(6))
	}
	return is
}

// say says something, which both hear.
func (w *twins) say(is saying) {
	before := Clock()
	w.speaker.say(is)
	now := Clock()
	w.both(func(e *Engine) {
		e.look()
		e.now = now // for both, and no master is due for it
		for _, rc := range e.receivers {
			n, err := e.inbox.receive(rc.fd)
			must(w.t, err)
			e.deal(rc, n)
		}
		e.absorb()
		e.flush()
	})
	w.most = max(w.most, Clock()-before) // the kernel may be late to take note
}

func (w *twins) both(do func(*Engine)) {
	do(w.each)
	do(w.late)
}

// silence lasts until the deadline, if that is not far, or is over.
func (w *twins) silence(whole bool) {
	r := w.each.runners["v7"]
	due, waits := r.router.Deadline()
	if whole && waits && r.router.State() == vrrp.Backup && r.Router.Interval < adv {
		within(w.t, "the deadline", func() bool { return Clock() > due })
	}
	w.tick()
}

// tick has both be awake at the same time, at which either both are due or none.
func (w *twins) tick() {
	due, _ := w.each.runners["v7"].router.Deadline()
	now := Clock()
	for now <= due && now >= due-w.most-time.Millisecond {
		now = Clock()
	}
	w.both(func(e *Engine) {
		e.look()
		e.now = now
		e.tickMasters()
		e.tickBackups()
		e.flush()
	})
}

func (w *twins) prioritise(priority uint8) {
	now := Clock()
	w.both(func(e *Engine) {
		e.look()
		e.now = now
		r := e.runners["v7"]
		r.priority, r.fault = priority, ""
		e.settle(r)
		e.flush()
	})
}

// reconfigure gives the router another address or takes that away, or changes when it preempts.
func (w *twins) reconfigure(other bool) {
	now := Clock()
	w.both(func(e *Engine) {
		e.look()
		e.now = now
		i := e.runners["v7"].Instance
		switch addresses := i.Wire.Addresses; {
		case !other:
			i.Router.Preempt = !i.Router.Preempt
		case addresses[len(addresses)-1] == w.speaker.source:
			i.Wire.Addresses = addresses[:len(addresses)-1]
		default:
			i.Wire.Addresses = append(slices.Clone(addresses), w.speaker.source) // as the unusual ones have it
		}
		e.configure([]Instance{i})
		e.refilter()
	})
}

// same compares the twins. What can be known of the late one without its catching up is
// compared first.
func (w *twins) same(all bool) {
	w.t.Helper()
	one, other := w.each.runners["v7"], w.late.runners["v7"]
	if other.router.State() != one.router.State() || other.router.Master() != one.router.Master() {
		w.t.Fatalf("%s of %s, want %s of %s", other.router.State(), other.router.Master(), one.router.State(), one.router.Master())
	}
	if !all {
		return
	}
	w.late.look()
	w.late.catchUp(other)
	want, got := one.status(), other.status()
	want.Since, got.Since = time.Time{}, time.Time{}
	if !reflect.DeepEqual(want, got) {
		w.t.Errorf("status\n%+v, want\n%+v", got, want)
	}
	if one.router.State() == vrrp.Backup {
		soon, due := w.deadlines()
		if ahead := due - soon; ahead < -w.drift() || ahead > w.drift() {
			w.t.Errorf("the deadline is %s sooner, and and adverts took up to %s", ahead, w.most)
		}
	}
	if want, got := timeless(one.heard()), timeless(other.heard()); !reflect.DeepEqual(want, got) {
		w.t.Errorf("heard\n%+v, want\n%+v", got, want)
	}
}

func (w *twins) deadlines() (late, each time.Duration) {
	late, _ = w.late.runners["v7"].router.Deadline()
	each, _ = w.each.runners["v7"].router.Deadline()
	return late, each
}

// drift is by how much the twins may differ: they read what is not absorbed one after the other.
func (w *twins) drift() time.Duration { return w.most + time.Millisecond }

func timeless(h Heard) Heard {
	for i := range h.Senders {
		h.Senders[i].Last = 0
	}
	return h
}
