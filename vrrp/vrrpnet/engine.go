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
	changes  atomic.Pointer[[]Status] // that nobody has taken yet
	holds    atomic.Pointer[map[string]*hold]
	watch    watch
	beat     atomic.Uint64
	notable  atomic.Bool // there may be something to log

	configuring sync.Mutex
	room        int // for notes of so many routers; -1 if there are to be none

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
	notes     *notes      // nil for none
	learning  []*runner   // whose adverts are to be absorbed
	posts     posts
	around    surroundings
	bouncing  []*runner // whose links have come or gone
	now       time.Duration
	wall      time.Time
	pause     time.Duration // after packets were heard
	heard     bool
	news      bool
	remarked  []*runner // of which there is news
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
		posts:     posts{lookouts: map[receiverKind]*lookout{}},
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.holds.Store(&map[string]*hold{})
	return e, nil
}

// Close frees what New has taken, after Run.
func (e *Engine) Close() {
	e.commands.end()
	e.poller.close()
	e.posts.close()
	if e.notes != nil {
		e.notes.close()
	}
}

// Changed receives something after a state, a reason, or what is to be announced has
// changed: see Status.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Changes returns the instances that have changed since it was called last, in the
// order of the changes, and so maybe repeatedly. It waits for nothing.
func (e *Engine) Changes() []Status {
	if list := e.changes.Swap(nil); list != nil {
		return *list
	}
	return nil
}

// Holds tells whether this node may answer for the addresses of an instance: it is
// the master, and was heard to be. It waits for nothing.
func (e *Engine) Holds(name string) bool {
	h := (*e.holds.Load())[name]
	return h != nil && int64(Clock()) < h.until.Load()
}

// Progress is odd while the loop is at work, and even while it waits, and another number
// after each thing that it has done. It waits for nothing.
func (e *Engine) Progress() uint64 { return e.beat.Load() }

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
