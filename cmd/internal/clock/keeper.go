package clock

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Of how often it looks, and for how long it waits.
const (
	lookEvery   = time.Second      // at who leads, and at the file
	reloadLimit = 5 * time.Second  // for chronyc
	reloadAgain = 10 * time.Second // after one that failed
	endLimit    = time.Second      // for what hangs, at the end
)

// Options of New.
type Options struct {
	View func() View
	// Replace replaces a file as a whole, or makes it, for everybody to read.
	Replace func(path string, content []byte) error
	Run     func(ctx context.Context, argv []string) error // a program, killed when ctx ends
	Ask     func(ctx context.Context, address netip.Addr) (Reading, error)
	Log     *slog.Logger
}

// Keeper has this node follow the leader's time. Its methods may be called from several
// goroutines at once, and do not wait.
type Keeper struct {
	opts  Options
	pokes [2]chan struct{} // of both goroutines: the settings are others

	mu       sync.Mutex // guards what follows
	settings *Settings  // nil when off
	trouble  string
	reading  *answer
}

// answer is what became of asking a leader.
type answer struct {
	leader  string
	since   time.Time // when that one was asked first
	at      time.Time
	reading Reading
	err     error
}

// New returns a Keeper that is off, and starts nothing.
func New(opts Options) *Keeper {
	return &Keeper{opts: opts, pokes: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}}
}

// Set has other settings be followed; nil is for none, which takes the file away.
func (k *Keeper) Set(s *Settings) {
	k.mu.Lock()
	k.settings = s
	k.mu.Unlock()
	for _, poke := range k.pokes {
		select {
		case poke <- struct{}{}:
		default:
		}
	}
}

func (k *Keeper) wanted() *Settings {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.settings
}

// Run keeps the file and asks the leader until ctx ends. It does not wait long for what hangs.
// The error is always nil.
func (k *Keeper) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { k.keep(ctx) })
	both.Go(func() { k.ask(ctx) })
	ended := make(chan struct{})
	go func() {
		both.Wait()
		close(ended)
	}()
	<-ctx.Done()
	select {
	case <-ended:
	case <-time.After(endLimit):
	}
	return nil
}

// each does something now, at each poke and each lookEvery, until ctx ends.
func each(ctx context.Context, poke <-chan struct{}, do func()) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ctx.Done():
		case <-poke:
		case <-ticker.C:
		}
	}
}
