package vrrpnet

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// Options are how an engine runs.
type Options struct {
	// Log is told of adverts that are refused or could not be sent; nil for nobody.
	Log *slog.Logger
}

// Engine runs virtual routers. Its methods may be called by any goroutine; those that
// need an answer of the loop wait until Run is there.
type Engine struct {
	log      *slog.Logger
	commands *commands
	changed  chan struct{}
	holds    atomic.Pointer[map[string]*hold]

	// What follows is the loop's alone.
	poller    *poller
	inbox     *inbox
	runners   map[string]*runner
	adverts   deadlines // of masters
	patience  deadlines // of backups
	senders   map[senderKind]*sender
	outgoing  []*sender // with packets
	receivers map[receiverKind]*receiver
	byFD      map[int32]*receiver
	outdated  []*receiver // their filters
	around    surroundings
	now       time.Duration
	wall      time.Time
	pause     time.Duration // after packets were heard
	heard     bool
	news      bool
}

// New makes an engine without instances.
func New(opts Options) (*Engine, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	e := &Engine{
		log:       opts.Log,
		poller:    p,
		commands:  newCommands(p),
		changed:   make(chan struct{}, 1),
		inbox:     newInbox(),
		runners:   map[string]*runner{},
		senders:   map[senderKind]*sender{},
		receivers: map[receiverKind]*receiver{},
		byFD:      map[int32]*receiver{},
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.holds.Store(&map[string]*hold{})
	return e, nil
}

// Close frees what New has taken, after Run.
func (e *Engine) Close() { e.commands.end(); e.poller.close() }

// Changed receives something after a state, a reason, or what is to be announced has
// changed: see Status.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Holds tells whether this node may answer for the addresses of an instance: it is
// the master, and was heard to be. It waits for nothing.
func (e *Engine) Holds(name string) bool {
	h := (*e.holds.Load())[name]
	return h != nil && int64(Clock()) < h.until.Load()
}

// Run runs the instances in the network namespace of the calling thread until ctx or
// Stop ends it, and then has every master let go. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var logging sync.WaitGroup
	logging.Go(func() { e.logAll(ctx) })
	defer logging.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, e.commands.stop)()
	defer e.commands.end()
	e.commands.begun.Store(true)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer realTime(e.log)()
	defer e.leave()
	return e.loop()
}

// Stop ends Run: every master lets go, and says so. It returns when that is done.
func (e *Engine) Stop() {
	e.commands.stop()
	if e.commands.begun.Load() {
		<-e.commands.ended
	}
}

// leave ends the engine.
func (e *Engine) leave() {
	e.look()
	e.end(slices.Collect(maps.Values(e.runners)))
	e.holds.Store(&map[string]*hold{})
}

func (e *Engine) loop() error {
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
		ready, err := e.poller.wait()
		if err != nil {
			return err
		}
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
	if next == nil {
		return 0
	}
	return next.wake
}

// wake does what there is to do. Masters come first: they may be late. Backups come
// after the packets, for that of their master may be among them.
func (e *Engine) wake(ready []unix.EpollEvent) {
	e.look()
	e.tickMasters()
	e.flush()
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
	e.tickMasters()
	e.tickBackups()
	if poked {
		e.poller.poked()
		e.commands.run()
	}
	e.flush()
	e.refilter()
	e.tell()
}

// look reads the clocks.
func (e *Engine) look() { e.now, e.wall = Clock(), time.Now() }

// tell tells that something has changed.
func (e *Engine) tell() {
	if !e.news {
		return
	}
	e.news = false
	select {
	case e.changed <- struct{}{}:
	default:
	}
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
	for r := e.patience.first(); r != nil && r.due <= e.now; r = e.patience.first() {
		e.step(r, r.router.Tick(e.now), "no master was heard")
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
		for i := range n {
			if p, ok := rc.parse(e.inbox, i); ok {
				if r := rc.whose(p); r != nil {
					e.judge(r, p)
				}
			}
		}
		e.flush()
		if n < receiveBatch {
			return
		}
	}
}

// judge has a router hear a packet, if it is good.
func (e *Engine) judge(r *runner, p vrrp.Packet) {
	advert, drop := r.wire.Judge(p, e.wall)
	r.wire.Record(e.now)
	if drop != 0 {
		return
	}
	e.step(r, r.router.Hear(e.now, p.Src, advert.Priority, advert.Interval), "a better master was heard")
}

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
			e.news = true
		}
	}
	e.follow(r, why)
}

// follow notes the state of a router, and when it is to be woken.
func (e *Engine) follow(r *runner, why string) {
	if state := r.router.State(); state != r.seen.State {
		r.seen.State, r.seen.Since, r.seen.Reason = state, e.wall, why
		e.news = true
	}
	e.schedule(r)
}

// schedule has a router be woken at its deadline.
func (e *Engine) schedule(r *runner) {
	due, ok := r.router.Deadline()
	if !ok {
		r.dequeue()
		return
	}
	queue := &e.patience
	if r.router.State() == vrrp.Master {
		queue = &e.adverts
	}
	if due == r.due && r.queue == queue {
		return
	}
	r.due = due
	queue.put(r, due+r.slack)
}

// send has packets leave at the next flush.
func (e *Engine) send(r *runner, priority uint8) {
	s := r.sender
	if s == nil {
		return
	}
	for _, to := range r.destinations {
		if s.full() {
			s.send()
		}
		if s.queued == 0 {
			e.outgoing = append(e.outgoing, s)
		}
		s.packets = r.wire.Append(s.packets, to.address, priority, e.wall)
		s.parcels[s.queued] = parcel{r, to, priority, len(s.packets)}
		s.queued++
	}
}

// flush sends what waits to be sent.
func (e *Engine) flush() {
	for _, s := range e.outgoing {
		s.send()
	}
	e.outgoing = e.outgoing[:0]
}
