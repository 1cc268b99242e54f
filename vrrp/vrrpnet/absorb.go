package vrrpnet

import (
	"time"

	"github.com/perch-vip/perch/vrrp"
)

// absorption is what a runner has to do with its note.
type absorption struct {
	*note
	index  uint32
	at     *receiver
	read   uint32      // packets that its filter has passed, and that were read
	repeat vrrp.Repeat // of which it takes note
	learnt bool        // there is one
	last   moment      // when it was heard, as far as the router knows
	times  uint64      // how often it was heard, likewise

	missing      uint32 // packets that were passed, and not read
	missingSince time.Duration
}

// lost is after how long a packet is lost that the filter has passed and nobody has read.
const lost = time.Second

// took takes note that a packet was read that has come in by a receiver.
func (a *absorption) took(by *receiver) {
	if a != nil && a.at == by {
		a.read++
	}
}

// learn has the filter absorb an advert that has just been heard, as soon as all packets
// before it are read, if hearing it again does nothing but put off the deadline.
func (e *Engine) learn(r *runner, p vrrp.Packet) {
	a := r.absorption
	if a == nil {
		return
	}
	e.unlearn(r)
	repeat, ok := r.wire.Repeat()
	if !ok || p.Protocol != protocolVRRP || !writeable(p) || !r.settled(e.now, &repeat) {
		return
	}
	a.write(a.at.cookie, p)
	a.repeat, a.learnt = repeat, true
	a.last, a.times = a.heard(), a.count.Load()
	e.learning = append(e.learning, r)
}

func (r *runner) settled(now time.Duration, repeat *vrrp.Repeat) bool {
	return r.router.Settled(now, repeat.From(), repeat.Priority(), repeat.Interval())
}

// absorb has the filters absorb what was learnt. Who cannot yet learns once more.
func (e *Engine) absorb() {
	for _, r := range e.learning {
		if a := r.absorption; a != nil && a.learnt {
			e.open(a)
		}
	}
	e.learning = e.learning[:0]
}

func (e *Engine) open(a *absorption) {
	if a.open(a.read, e.now) {
		a.last = a.heard()
		return
	}
	switch missing := (a.passed() - a.read) & seqMask; {
	case missing != a.missing:
		a.missing, a.missingSince = missing, e.now
	case e.now-a.missingSince > lost:
		a.read += missing
	}
}

// unlearn has each advert be heard.
func (e *Engine) unlearn(r *runner) {
	a := r.absorption
	if a == nil || !a.learnt {
		return
	}
	a.shut()
	a.learnt = false
	if actions, news := e.hearRepeats(r); news {
		e.step(r, actions, betterHeard)
	}
}

// catchUp has a router hear what its filter has absorbed, as if it had when that came.
func (e *Engine) catchUp(r *runner) {
	if a := r.absorption; a == nil || !a.learnt {
		return
	}
	if _, news := e.hearRepeats(r); news {
		e.schedule(r) // and nothing else: it is settled
	}
}

// hearRepeats has a router hear the adverts that its filter has absorbed, if there are new ones.
func (e *Engine) hearRepeats(r *runner) (actions []vrrp.Action, news bool) {
	a := r.absorption
	last, times := a.heard(), a.count.Load()
	if last == a.last && times == a.times {
		return nil, false
	}
	news = last != a.last
	more, when := times-a.times, last.near(e.now)
	a.last, a.times = last, times
	r.wire.RecordRepeats(&a.repeat, more, when, e.wall.Add(when-e.now))
	if news {
		actions = r.router.Hear(when, a.repeat.From(), a.repeat.Priority(), a.repeat.Interval())
	}
	return actions, news
}

// review unlearns what is more than a repeat since something else has happened.
func (e *Engine) review(r *runner) {
	if a := r.absorption; a != nil && a.learnt && !r.settled(e.now, &a.repeat) {
		e.unlearn(r)
	}
}

// excused tells whether a backup that is due has heard its master after all. If not, it
// hears each advert from now on: it may be the master the next moment.
func (e *Engine) excused(r *runner) bool {
	a := r.absorption
	if a == nil || !a.learnt {
		return false
	}
	if e.catchUp(r); r.due > e.now {
		return true
	}
	a.shut()
	if e.catchUp(r); r.due <= e.now || !a.learnt {
		return false
	}
	e.open(a)
	return true
}

// survey has all backups that are due soon catch up when one is due, so that those of
// masters that are well do not wake the loop one by one.
func (e *Engine) survey() {
	first := e.patience.first()
	if first == nil || first.due > e.now {
		return
	}
	for i := len(e.patience.runners) - 1; i >= 0; i-- { // who moves down is replaced by one that was seen
		r := e.patience.runners[i]
		if a := r.absorption; a != nil && a.learnt && r.due-e.now < a.repeat.Interval() {
			e.catchUp(r)
		}
	}
}
