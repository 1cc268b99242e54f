package notify

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// EndLimit bounds what is told at the end of perch: who stops it does not wait for ever.
const EndLimit = 3 * time.Second

// hangLimit is how long after that a target is waited for which does not heed that it is
// killed: a disk that hangs cannot be.
const hangLimit = time.Second

// Notifier tells the targets of its entries what has happened.
type Notifier struct {
	log     *slog.Logger
	poke    chan struct{}
	readers *readers
	outcome func(Outcome)

	mu      sync.Mutex // guards what follows, for moments only
	entries map[string]*Entry
	order   []*Entry
	index   index
	lanes   map[laneKey]*lane
	retired map[laneKey][]io.Closer // targets of the past, which are closed when their lane is empty
	tallies map[string]*Tally       // by Key
}

// laneKey names a lane: one of all subjects, or that of an entry and a subject.
type laneKey struct {
	name    string // of the lane, or the Key of the entry
	subject Subject
}

// lane is a queue, and whether somebody serves it.
type lane struct {
	queue
	busy     bool
	telling  topic         // of the order that was taken last
	overtook bool          // whether there is newer on it
	newer    chan struct{} // has one when that has become so
	failures int           // one after the other that were an ErrLater
}

// outdate takes out the orders that an event makes void, and remembers if it does so to what
// is under way.
func (l *lane) outdate(e Event, room int) (void []order) {
	if l.telling == e.topic() {
		l.overtook = true
		signal(l.newer)
	}
	return l.queue.outdate(e, room)
}

// take takes out the oldest order.
func (l *lane) take() (order, bool) {
	o, some := l.queue.take()
	l.telling, l.overtook = o.event.topic(), false
	select {
	case <-l.newer:
	default:
	}
	return o, some
}

// New returns a Notifier without entries.
func New(log *slog.Logger) *Notifier {
	return &Notifier{
		log:     log,
		poke:    make(chan struct{}, 1),
		readers: newReaders(log),
		outcome: func(Outcome) {},
		entries: map[string]*Entry{},
		lanes:   map[laneKey]*lane{},
		retired: map[laneKey][]io.Closer{},
		tallies: map[string]*Tally{},
	}
}

// OnOutcome has f told what becomes of events for good, but for what was told before. It is
// called before Run. Whoever tells of an event waits for f, which must not wait for anything.
func (n *Notifier) OnOutcome(f func(Outcome)) { n.outcome = f }

// Set replaces the entries. What waits for one that is no more is told all the same. Of
// several with one Key the targets are one. It waits for no target, of which a disk may hang.
func (n *Notifier) Set(entries []Entry) {
	n.readers.set(n.set(entries))
}

// set is Set, but for the readers of FIFOs. It returns the entries with their targets.
func (n *Notifier) set(entries []Entry) []*Entry {
	defer n.wake()
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.entries
	n.entries, n.order = make(map[string]*Entry, len(entries)), make([]*Entry, len(entries))
	for i := range entries {
		e := new(entries[i])
		switch was := before[e.Key]; {
		case n.entries[e.Key] != nil:
			e.Target = n.entries[e.Key].Target
		case was != nil:
			e.Target = was.Target
		default:
			n.tallies[e.Key] = &Tally{}
		}
		n.entries[e.Key], n.order[i] = e, e
	}
	n.index = newIndex(n.order)
	for _, e := range n.entries {
		n.prepare(e)
	}
	for key, was := range before {
		if n.entries[key] == nil {
			n.retire(was)
		}
	}
	return n.order
}

// prepare has a target opened that is to be there before the first event.
func (n *Notifier) prepare(e *Entry) {
	if _, opens := e.Target.(opener); opens {
		l := n.lane(e.lane(Subject{}))
		l.unprepare(e)
		l.add(order{entry: e})
	}
}

// open opens the target of an entry.
func (n *Notifier) open(e *Entry) {
	t, opens := e.Target.(opener)
	if !opens {
		return
	}
	if err := t.Open(); err != nil {
		n.log.Warn("target is not ready, which is tried again at the next event", "target", e.Name, "error", err)
	}
}

// retire forgets an entry, and has its target closed when its lane is empty: who reads a FIFO
// that has another user now sees no end of it.
func (n *Notifier) retire(e *Entry) {
	delete(n.tallies, e.Key)
	if target, closes := e.Target.(io.Closer); closes {
		key := e.lane(Subject{})
		n.lane(key)
		n.retired[key] = append(n.retired[key], target)
	}
}

func (n *Notifier) close(targets []io.Closer) {
	for _, t := range targets {
		if err := t.Close(); err != nil {
			n.log.Warn("end of a target", "error", err)
		}
	}
}

// Tell has all be told whom it concerns, in this order. It waits for nobody.
func (n *Notifier) Tell(events ...Event) {
	var void []order
	n.mu.Lock()
	for _, event := range events {
		void = append(void, n.put(event)...)
	}
	n.mu.Unlock()
	for _, o := range void {
		n.log.Warn("not told, since there is newer", "target", o.entry.Name, "event", o.event.String())
		n.outcome(o.outcome(Dropped, 0, nil))
	}
	n.wake()
}

// wake has what waits be told.
func (n *Notifier) wake() { signal(n.poke) }

// signal leaves one in a channel that has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hearing is an event of a kind that a target hears of.
type hearing struct {
	entry string // its Key
	kind  Kind
}

// put has the entries be told of an event that are for it, and returns what is void by it.
// Several with one Key have one target: it is told once, and for none of them is an event
// void by itself.
func (n *Notifier) put(event Event) (void []order) {
	outdated, heard := map[string]bool{}, map[hearing]bool{}
	for _, entry := range n.index.find(event.Subject) {
		key := entry.lane(event.Subject)
		if l := n.lanes[key]; l != nil && !outdated[entry.Key] {
			void = append(void, l.outdate(event, entry.Backlog)...)
		}
		outdated[entry.Key] = true
		if seen, on := entry.as(event); on && !heard[hearing{entry.Key, seen.Kind}] {
			heard[hearing{entry.Key, seen.Kind}] = true
			n.lane(key).add(order{entry: entry, event: seen})
		}
	}
	for _, o := range void {
		n.tally(o.entry).Void++
	}
	return void
}

// lane returns a lane, which is made if it is not there.
func (n *Notifier) lane(key laneKey) *lane {
	if n.lanes[key] == nil {
		n.lanes[key] = &lane{newer: make(chan struct{}, 1)}
	}
	return n.lanes[key]
}

// Run tells until ctx ends, and then what waits: whoever tells has ended before. All of it
// has EndLimit then. The readers of FIFOs end last, since they have that to read.
func (n *Notifier) Run(ctx context.Context) error {
	reading, end := context.WithCancel(context.WithoutCancel(ctx))
	var readers sync.WaitGroup
	readers.Go(func() { n.readers.run(reading) })
	defer readers.Wait()
	defer end()
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(EndLimit, kill) })()
	var serving sync.WaitGroup
	defer n.await(work, &serving)
	for {
		select {
		case <-ctx.Done():
			n.set(nil)
			n.begin(work, ctx.Done(), &serving)
			return nil
		case <-n.poke:
			n.begin(work, ctx.Done(), &serving)
		}
	}
}

// await waits for those who serve, and hangLimit after the end of work for nobody.
func (n *Notifier) await(work context.Context, serving *sync.WaitGroup) {
	if !served(work, serving, hangLimit) {
		n.log.Error("some targets hang, and are not waited for")
	}
}

// served waits for those who serve, and for nobody when so much time has passed since the end
// of work. It tells whether all have ended.
func served(work context.Context, serving *sync.WaitGroup, limit time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-work.Done():
	}
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}
