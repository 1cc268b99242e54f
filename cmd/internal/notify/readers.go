package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// readers keeps the readers of FIFOs running. A FIFO has one at a time: the next begins when
// the one before has ended.
type readers struct {
	log  *slog.Logger
	poke chan struct{}

	mu   sync.Mutex
	want map[string]*Reader // by the path of the FIFO
}

// readingReader is one that runs, or is about to end.
type readingReader struct {
	key  string
	over chan struct{} // closed when it is to end
}

func newReaders(log *slog.Logger) *readers {
	return &readers{log: log, poke: make(chan struct{}, 1)}
}

// set says which readers there are to be. It waits for none of them.
func (r *readers) set(entries []*Entry) {
	want := map[string]*Reader{}
	for _, e := range entries {
		if e.Reader != nil {
			reader := *e.Reader
			reader.target = e.Target
			want[reader.FIFO] = &reader
		}
	}
	r.mu.Lock()
	r.want = want
	r.mu.Unlock()
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

func (r *readers) wanted() map[string]*Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.want
}

// run keeps the readers running until ctx ends, and gives them the time to end then.
func (r *readers) run(ctx context.Context) {
	run, ended := map[string]readingReader{}, make(chan string)
	gone := make(chan struct{}) // closed when nobody hears of an end any more
	defer close(gone)
	for ctx.Err() == nil {
		r.follow(run, ended, gone)
		select {
		case <-ctx.Done():
		case <-r.poke:
		case path := <-ended:
			delete(run, path)
		}
	}
	for _, reading := range run {
		reading.end()
	}
	r.await(run, ended)
}

// follow ends the readers that are not wanted any more, and begins those that are.
func (r *readers) follow(run map[string]readingReader, ended chan<- string, gone <-chan struct{}) {
	want := r.wanted()
	for path, reading := range run {
		if w := want[path]; w == nil || w.Key != reading.key {
			reading.end()
		}
	}
	for path, w := range want {
		if _, runs := run[path]; runs {
			continue
		}
		reading := readingReader{w.Key, make(chan struct{})}
		run[path] = reading
		go func() {
			w.keep(reading.over, r.log)
			select {
			case ended <- path:
			case <-gone:
			}
		}()
	}
}

// await waits for those that were told to end, but for none that cannot be killed.
func (r *readers) await(run map[string]readingReader, ended <-chan string) {
	late := time.After(2*readerEnd + hangLimit)
	for len(run) > 0 {
		select {
		case path := <-ended:
			delete(run, path)
		case <-late:
			r.log.Error("some readers of fifos hang, and are not waited for")
			return
		}
	}
}

func (r readingReader) end() {
	if !isOver(r.over) {
		close(r.over)
	}
}
