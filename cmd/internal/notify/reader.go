package notify

import (
	"context"
	"log/slog"
	"time"
)

// Times of a reader.
const (
	readerLook  = 100 * time.Millisecond // between looks for a FIFO that is not there yet
	readerFirst = time.Second            // before it is started again, twice as long each time
	readerLast  = time.Minute            // up to this; who has run for so long begins anew
	// readerEnd is how long a reader has to end by itself, which it does when it has read all,
	// and then once more after it was asked to by a signal.
	readerEnd = time.Second
)

// Keeper runs a program, with more arguments, until that ends by itself or ctx does: then it
// is asked to end, and killed after grace.
type Keeper interface {
	Keep(ctx context.Context, grace time.Duration, arguments []string) error
}

// Reader is a program that reads a FIFO and runs as long as perch does.
type Reader struct {
	Key     string // names all that makes it what it is
	Name    string // in the log
	FIFO    string // its path, which is the last argument
	Program Keeper

	target Target // the FIFO
}

// place is a Target that may not be there yet.
type place interface{ There() bool }

// keep keeps the reader running, from when the FIFO is open until over is closed, and leaves
// it time to read all then.
func (r *Reader) keep(over <-chan struct{}, log *slog.Logger) {
	ctx, ask := context.WithCancel(context.Background())
	defer ask()
	go func() {
		select {
		case <-over:
			wait(ctx.Done(), readerEnd)
			ask()
		case <-ctx.Done():
		}
	}()
	log = log.With("reader", r.Name, "fifo", r.FIFO)
	for again := readerFirst; r.awaitFIFO(over); again = min(2*again, readerLast) {
		begin := time.Now()
		log.Info("reader of a fifo begins")
		err := r.Program.Keep(ctx, readerEnd, []string{r.FIFO})
		if time.Since(begin) >= readerLast {
			again = readerFirst
		}
		if isOver(over) || !r.hasFIFO() { // it is over once all targets are told, of which some are slow
			log.Info("reader of a fifo has ended")
		} else {
			log.Warn("reader of a fifo has ended, and is started again", "after", again, "reason", reasonOf(err))
		}
		wait(over, again)
	}
}

// awaitFIFO waits until perch has the FIFO open, which it does not with one of a stranger. The
// reader is not to begin if it is over before.
func (r *Reader) awaitFIFO(over <-chan struct{}) bool {
	for !isOver(over) {
		if r.hasFIFO() {
			return true
		}
		wait(over, readerLook)
	}
	return false
}

func (r *Reader) hasFIFO() bool {
	p, is := r.target.(place)
	return !is || p.There()
}

// wait waits until over is closed, but not longer than d.
func wait(over <-chan struct{}, d time.Duration) {
	select {
	case <-over:
	case <-time.After(d):
	}
}

func isOver(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

func reasonOf(err error) string {
	if err == nil {
		return "exit code 0"
	}
	return err.Error()
}
