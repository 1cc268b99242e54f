package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
)

// announcer tells the neighbours on a link where an address is, and asks them. What it has
// to say it writes down, and sends it in as few system calls as it can: whoever holds op
// lets it before op is given back. Its memory is used
// again and again.
type announcer struct {
	transport
	unsent  func(letter, error) // is told what could not be sent
	letters []letter
	packets []packet
	frames  []byte        // of packets
	sent    atomic.Uint64 // announcements
	asked   atomic.Uint64 // questions
	failed  atomic.Uint64
}

// letter is what a packet says, and of which VIP.
type letter struct {
	kind letterKind
	vip  VIP
}

type letterKind int

const (
	announcing letterKind = iota
	asking
)

// Announce writes every form of announcement that v has. A link that cannot carry it is
// left alone: there is nobody to tell.
func (a *announcer) Announce(v VIP, l link) {
	addr, what := v.Address.Addr(), letter{announcing, v}
	switch {
	case !l.ethernet || !l.running:
	case addr.Is4():
		a.write(what, l, gratuitousARP(arpRequest, l.mac, addr).appendTo(a.frames))
		a.write(what, l, gratuitousARP(arpReply, l.mac, addr).appendTo(a.frames))
	default:
		var role byte
		if l.routes {
			role = naRouter
		}
		a.write(what, l, unsolicitedNA(l.mac, addr, role).appendTo(a.frames))
	}
}

// announcementFrames is how many forms the announcement of v has.
func announcementFrames(v VIP) int {
	if v.Address.Addr().Is4() {
		return 2
	}
	return 1
}

// Ask asks the neighbours who else has v. from is a link-local address of this node on
// the link; without one nobody can be asked for an IPv6 address.
func (a *announcer) Ask(v VIP, from netip.Addr, l link) {
	addr, what := v.Address.Addr(), letter{asking, v}
	switch {
	case !l.ethernet || !l.running:
	case addr.Is4():
		a.write(what, l, arpProbe(l.mac, addr).appendTo(a.frames))
	case from.IsValid():
		a.write(what, l, neighborQuestion(l.mac, from, addr).appendTo(a.frames))
	}
}

// write notes what was appended to the frames.
func (a *announcer) write(what letter, l link, frames []byte) {
	frame := frames[len(a.frames):]
	a.frames = frames
	a.letters = append(a.letters, what)
	a.packets = append(a.packets, packet{l.index, what.vip.etherType(), frame})
}

// Written is how many packets wait to be sent.
func (a *announcer) Written() int { return len(a.packets) }

func (a *announcer) counter(kind letterKind) *atomic.Uint64 {
	if kind == asking {
		return &a.asked
	}
	return &a.sent
}

// Send sends what was written, and reports whether it could. It tells what it could not,
// and goes on with the rest.
func (a *announcer) Send() bool {
	before := a.failed.Load()
	var failed letter
	var errs error // of failed
	for done := 0; done < len(a.packets); {
		n, err := a.transport.Send(a.packets[done:])
		for _, l := range a.letters[done : done+n] {
			a.counter(l.kind).Add(1)
		}
		if done += n; err != nil {
			a.failed.Add(1)
			failed, errs = a.letters[done], errors.Join(errs, a.letters[done].error(err))
			done++
		}
		if errs != nil && (done == len(a.letters) || a.letters[done] != failed) {
			a.unsent(failed, errs)
			errs = nil
		}
	}
	a.letters, a.packets, a.frames = a.letters[:0], a.packets[:0], a.frames[:0]
	return a.failed.Load() == before
}

// error is err with what it was that could not be sent.
func (l letter) error(err error) error {
	if l.kind == asking {
		return fmt.Errorf("ask on %s who has %s: %w", l.vip.Interface, l.vip.Address.Addr(), err)
	}
	return fmt.Errorf("announce on %s: %w", l.vip.Interface, err)
}
