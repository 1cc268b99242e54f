package vrrpnet

import (
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// step does what a router asks for after something that has happened to it, and has
// its group follow. Why tells for what reason its state has changed, if it has.
func (e *Engine) step(r *runner, actions []vrrp.Action, why string) {
	e.act(r, actions, why)
	if r.group != nil {
		r.group.settle(e)
	}
}

// act does what a router asks for.
func (e *Engine) act(r *runner, actions []vrrp.Action, why string) {
	for _, action := range actions {
		switch action {
		case vrrp.SendAdvert:
			e.send(r, r.router.Priority())
		case vrrp.SendFarewell:
			e.send(r, 0)
		case vrrp.Release:
			r.shut()
		case vrrp.Announce:
			r.seen.Announces++
			e.remark(r)
		}
	}
	e.follow(r, why)
}

// follow notes the state of a router, and when it is to be woken.
func (e *Engine) follow(r *runner, why string) {
	if state := r.router.State(); state != r.seen.State {
		r.seen.State, r.seen.Since, r.seen.Reason = state, e.wall, why
		r.seen.Transitions++
		e.remark(r)
	}
	e.schedule(r)
	e.review(r)
}

// schedule has a router be woken at its deadline.
func (e *Engine) schedule(r *runner) {
	due, ok := r.router.Deadline()
	if !ok {
		r.dequeue()
		return
	}
	queue, slack := &e.patience, time.Duration(0)
	if r.router.State() == vrrp.Master {
		queue, slack = &e.adverts, r.slack
	}
	if due == r.due && r.queue == queue {
		return
	}
	r.due = due
	queue.put(r, due+slack)
}

// send has packets leave at the next flush.
func (e *Engine) send(r *runner, priority uint8) {
	s := r.sender
	if s == nil {
		return
	}
	if r.queued > 0 && priority != 0 && priority == r.queuedPriority {
		return // many packets want the same answer
	}
	for _, to := range r.destinations {
		if s.full() {
			e.deliver(s)
		}
		if len(s.parcels) == 0 {
			e.outgoing = append(e.outgoing, s)
		}
		s.packets = r.wire.Append(s.packets, to.address, priority, e.wall)
		s.parcels = append(s.parcels, parcel{r, to, priority, len(s.packets)})
		r.queued++
	}
	r.queuedPriority = priority
}

// deliver sends what waits at one socket. It is news if a lease opens.
func (e *Engine) deliver(s *sender) {
	if s.send(e.now) {
		e.news = true
	}
	if s.refused {
		s.refused = false
		e.notable.Store(true)
	}
}

// flush sends what waits to be sent.
func (e *Engine) flush() {
	for _, s := range e.outgoing {
		e.deliver(s)
	}
	e.outgoing = e.outgoing[:0]
}
