package vrrpnet

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// attach gives a runner its sockets, which it shares with others of the same place.
func (e *Engine) attach(r *runner, to place) error {
	s, err := e.sender(senderKind{to.sends, r.IPv6})
	if err != nil {
		return err
	}
	s.users++
	r.sender = s
	for _, protocol := range r.protocols() {
		rc, err := e.receiver(receiverKind{to.hears, r.IPv6, protocol})
		if err != nil {
			return err
		}
		rc.runners[r.Wire.VRID] = append(rc.runners[r.Wire.VRID], r)
		rc.users++
		r.receivers = append(r.receivers, rc)
		e.outdate(rc)
		if err := rc.joinFor(r, to); err != nil {
			return err
		}
	}
	r.address(to)
	return nil
}

// protocols are those that it listens to: whoever sends an authentication header to one
// that wants none is to be told, too.
func (r *runner) protocols() []int {
	if r.IPv6 {
		return []int{protocolVRRP}
	}
	return []int{protocolVRRP, protocolAH}
}

// address makes what goes with each packet.
func (r *runner) address(to place) {
	r.destinations, r.control = nil, nil
	for _, peer := range r.Wire.Peers {
		r.destinations = append(r.destinations, newDestination(peer.Address, to.sends))
	}
	limit := uint8(hops)
	if len(r.Wire.Peers) == 0 {
		r.destinations = []*destination{newDestination(r.multicast(), to.sends)}
	} else {
		limit = cmp.Or(r.Wire.TTL, limit)
	}
	if r.IPv6 {
		r.control = control(to.source, to.sends, int32(limit))
	}
}

// detach takes a runner's sockets away. Nothing of it waits to be sent.
func (e *Engine) detach(r *runner) {
	e.posts.outdated = true
	e.release(r)
	for _, rc := range r.receivers {
		vrid := r.Wire.VRID
		rc.runners[vrid] = slices.DeleteFunc(rc.runners[vrid], func(other *runner) bool { return other == r })
		e.outdate(rc)
		if rc.users--; rc.users == 0 {
			delete(e.receivers, rc.kind)
			delete(e.byFD, int32(rc.fd))
			e.forgetSocket(rc)
			unix.Close(rc.fd)
			rc.fd = -1
		}
	}
	if s := r.sender; s != nil {
		if s.users--; s.users == 0 {
			delete(e.senders, s.kind)
			unix.Close(s.fd)
			s.fd = -1
		}
	}
	r.sender, r.receivers, r.place.links = nil, nil, links{}
}

// sender returns the socket of a kind.
func (e *Engine) sender(kind senderKind) (*sender, error) {
	if s := e.senders[kind]; s != nil {
		return s, nil
	}
	fd, err := openSender(kind)
	if err != nil {
		return nil, err
	}
	s := newSender(kind, fd)
	e.senders[kind] = s
	return s, nil
}

// receiver returns the socket of a kind.
func (e *Engine) receiver(kind receiverKind) (*receiver, error) {
	if rc := e.receivers[kind]; rc != nil {
		return rc, nil
	}
	fd, err := openReceiver(kind)
	if err != nil {
		return nil, err
	}
	if err := e.poller.add(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	rc := &receiver{kind: kind, fd: fd}
	e.receivers[kind], e.byFD[int32(fd)] = rc, rc
	return rc, nil
}

// joinFor joins the multicast group. It does so on the interface below a device, too:
// with the virtual MAC a backup must not ask for the group. A runner with peers does
// without it, but would not be told of one that sends to the group.
func (rc *receiver) joinFor(r *runner, at place) error {
	group := r.multicast()
	if slices.Contains(rc.joined, group) {
		return nil
	}
	err := joinGroup(rc.fd, group, at.hears)
	if err == nil && at.parent != at.hears {
		err = joinGroup(rc.fd, group, at.parent)
	}
	if err == nil {
		rc.joined = append(rc.joined, group)
	}
	if len(r.Wire.Peers) > 0 {
		return nil
	}
	return err
}

// outdate has the filter of a receiver made anew at the end of the wake-up, once for
// all the runners that come and go.
func (e *Engine) outdate(rc *receiver) {
	if !rc.outdated {
		rc.outdated = true
		e.outdated = append(e.outdated, rc)
	}
}

func (e *Engine) refilter() {
	for _, rc := range e.outdated {
		rc.outdated = false
		if rc.users > 0 && !e.takeNotes(rc) {
			rc.refilter()
		}
	}
	e.outdated = e.outdated[:0]
}
