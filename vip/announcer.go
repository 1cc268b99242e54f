package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// announcer tells the neighbours on a link where an address is.
type announcer struct {
	transport
	frame  []byte        // reused
	sent   atomic.Uint64 // announcements
	asked  atomic.Uint64 // questions
	failed atomic.Uint64
}

// Announce sends every form of announcement that addr has. A link that cannot
// carry it is left alone: there is nobody to tell.
func (a *announcer) Announce(addr netip.Addr, l link) error {
	if !l.ethernet || !l.running {
		return nil
	}
	if !addr.Is4() {
		var role byte
		if l.routes {
			role = naRouter
		}
		a.frame = unsolicitedNA(l.mac, addr, role).appendTo(a.frame[:0])
		return a.announce(l, unix.ETH_P_IPV6)
	}
	a.frame = gratuitousARP(arpRequest, l.mac, addr).appendTo(a.frame[:0])
	err := a.announce(l, unix.ETH_P_ARP)
	a.frame = gratuitousARP(arpReply, l.mac, addr).appendTo(a.frame[:0])
	return errors.Join(err, a.announce(l, unix.ETH_P_ARP))
}

func (a *announcer) announce(l link, etherType uint16) error {
	if err := a.Send(l.index, etherType, a.frame); err != nil {
		a.failed.Add(1)
		return fmt.Errorf("announce on %s: %w", l.name, err)
	}
	a.sent.Add(1)
	return nil
}

// Ask asks the neighbours who else has addr. from is a link-local address of this
// node on the link; without one nobody can be asked for an IPv6 address.
func (a *announcer) Ask(addr, from netip.Addr, l link) error {
	if !l.ethernet || !l.running || !addr.Is4() && !from.IsValid() {
		return nil
	}
	etherType := uint16(unix.ETH_P_ARP)
	if addr.Is4() {
		a.frame = arpProbe(l.mac, addr).appendTo(a.frame[:0])
	} else {
		etherType = unix.ETH_P_IPV6
		a.frame = neighborQuestion(l.mac, from, addr).appendTo(a.frame[:0])
	}
	if err := a.Send(l.index, etherType, a.frame); err != nil {
		a.failed.Add(1)
		return fmt.Errorf("ask on %s who has %s: %w", l.name, addr, err)
	}
	a.asked.Add(1)
	return nil
}
