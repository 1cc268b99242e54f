package vrrpnet

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// loop waits, and does what there is to do, until it is to end.
func (e *Engine) loop() error {
	e.beat.Add(1)
	defer e.beat.Add(1)
	for !e.commands.stopping.Load() {
		if err := e.poller.alarm(e.next()); err != nil {
			return err
		}
		if e.heard {
			e.heard = false
			if err := e.poller.rest(e.pause); err != nil {
				return err
			}
		}
		e.beat.Add(1)
		ready, err := e.poller.wait()
		e.beat.Add(1)
		if err != nil {
			return err
		}
		falter()
		e.wake(ready)
	}
	return nil
}

// next returns when the next deadline ends the wait, or 0.
func (e *Engine) next() time.Duration {
	next := e.adverts.first()
	if r := e.patience.first(); next == nil || r != nil && r.wake < next.wake {
		next = r
	}
	relook := e.nextRelook()
	if next == nil || relook != 0 && relook < next.wake {
		return relook
	}
	return next.wake
}

// wake does what there is to do. Masters come first: they may be late. Backups come
// after the packets, for that of their master may be among them.
func (e *Engine) wake(ready []unix.EpollEvent) {
	e.attend()
	poked := false
	for _, event := range ready {
		switch event.Fd {
		case int32(e.poller.timer):
			e.poller.rung()
		case int32(e.poller.event):
			poked = true
		default:
			e.hear(e.byFD[event.Fd])
			e.heard = true
		}
	}
	e.look()
	e.absorb()
	e.tickMasters()
	e.tickBackups()
	if poked {
		e.poller.poked()
		e.commands.run()
	}
	e.relook()
	e.flush()
	e.refilter()
	e.post()
	e.tell()
}

// attend has masters advertise that are due, also in the midst of something that takes
// its time.
func (e *Engine) attend() {
	e.look()
	e.tickMasters()
	e.flush()
}

// look reads the clocks.
func (e *Engine) look() { e.now, e.wall = Clock(), time.Now() }

// remark notes that there is news of a runner.
func (e *Engine) remark(r *runner) {
	e.news = true
	if !r.remarked {
		r.remarked = true
		e.remarked = append(e.remarked, r)
	}
}

// tell tells that something has changed, and what.
func (e *Engine) tell() {
	if !e.news {
		return
	}
	e.news = false
	if len(e.remarked) > 0 {
		e.publish()
	}
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// publish adds to the changes that nobody has taken yet.
func (e *Engine) publish() {
	var list []Status
	if waiting := e.changes.Swap(nil); waiting != nil {
		list = *waiting
	}
	for _, r := range e.remarked {
		r.remarked = false
		list = append(list, r.status())
	}
	e.remarked = e.remarked[:0]
	e.changes.Store(&list)
}

func (e *Engine) tickMasters() {
	for r := e.adverts.first(); r != nil && r.due <= e.now; r = e.adverts.first() {
		e.step(r, r.router.Tick(e.now), "it woke up after its lease")
		if r.router.State() != vrrp.Master {
			r.seen.Late++
		}
	}
}

func (e *Engine) tickBackups() {
	e.survey()
	for r := e.patience.first(); r != nil && r.due <= e.now; r = e.patience.first() {
		if !e.excused(r) {
			e.step(r, r.router.Tick(e.now), "no master was heard")
		}
	}
}

// batches is how many batches of packets of one socket are read before others have
// their turn.
const batches = 8

// hear reads packets.
func (e *Engine) hear(rc *receiver) {
	for range batches {
		n, _ := e.inbox.receive(rc.fd) // an error is that of an earlier packet, and is gone now
		e.look()
		e.tickMasters() // none of them hears anything after its lease
		e.deal(rc, n)
		e.flush()
		if n < receiveBatch {
			return
		}
	}
}

// deal has routers hear the packets in the inbox, which have come in by a receiver.
func (e *Engine) deal(rc *receiver, n int) {
	for i := range n {
		if p, ok := rc.kind.parse(e.inbox, i); ok {
			if r := rc.whose(p); r != nil {
				r.absorption.took(rc)
				e.judge(r, p)
			}
		}
	}
}

// judge has a router hear a packet, if it is good.
func (e *Engine) judge(r *runner, p vrrp.Packet) {
	e.catchUp(r)
	advert, drop := r.wire.Judge(p, e.wall)
	r.wire.Record(e.now)
	if r.wire.Remarkable() {
		e.notable.Store(true)
	}
	if drop != 0 {
		return
	}
	e.step(r, r.router.Hear(e.now, p.Src, advert.Priority, advert.Interval), betterHeard)
	e.learn(r, p)
}

// betterHeard is why a router ends to be the master that hears an advert.
const betterHeard = "a better master was heard"
