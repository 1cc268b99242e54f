package ipvs

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Manager is made with.
type Config struct {
	// Record is the file that remembers what perch put into the kernel, so that a later
	// process of perch knows it. Empty means none: what a predecessor left is then taken
	// for somebody else's.
	Record string
	// Log receives what happens to the services. nil discards it.
	Log *slog.Logger
}

// Settings are what is wanted of the kernel's IPVS besides services.
type Settings struct {
	Timeouts      // 0 for what is left as it is
	All      bool // services that somebody else made are taken over if wanted, else removed
	AtEnd    AtEnd
}

// AtEnd is what becomes of services when Run ends.
type AtEnd uint8

// What becomes of them.
const (
	Keep   AtEnd = iota // they stay, so that the next process of perch breaks no connection
	Remove              // those of perch are removed
	Flush               // all are, also those that somebody else made
)

// Manager keeps the wanted services in the kernel. Its methods may be called from several
// goroutines at once.
type Manager struct {
	open   func() (kernel, error)
	log    *slog.Logger
	record record

	// op is held while the kernel and the record are read or changed. It is taken before mu.
	op sync.Mutex
	work

	// mu is held for moments only.
	mu     sync.Mutex
	want   *demand // nil before the first Set: what a predecessor left stays as it is
	status Status

	running atomic.Bool
	wake    chan struct{} // tells Run of a Set
	looks   chan look     // tells Run what the look found that it began
}

// demand is what a Set asked for.
type demand struct {
	services []Service // sorted by key, each once
	Settings
}

// work is what the holder of op knows of the kernel.
type work struct {
	kernel kernel // nil while it is not needed, or has no IPVS
	waits  bool   // for an IPVS, until due
	asked  demand // as of the last review
	due    time.Time
	pause  time.Duration // the last one before a retry; 0 while all is well

	looking    bool   // a look is under way
	amendments uint64 // so far

	done    []Service // wanted ones that the kernel has, as far as is known: sorted by key
	blocked []Key     // sorted

	recalled bool             // the record has been read
	boot     string           // that runs
	mine     map[Key]struct{} // services that perch put there, or took over
	former   former           // timeouts, to be put back
	lent     Timeouts         // that perch has set
	unsaved  bool             // the record does not say this yet
	told     told
}

// New makes a Manager, and starts nothing. It needs no IPVS.
func New(c Config) *Manager { return newManager(c, openKernel) }

func newManager(c Config, open func() (kernel, error)) *Manager {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Manager{
		open: open, log: log, record: record(c.Record),
		work:  work{mine: make(map[Key]struct{})},
		wake:  make(chan struct{}, 1),
		looks: make(chan look, 1),
	}
}

// Set has Run bring the services into the kernel, and remove those of perch that are not
// among them. They are well-formed (Service.Check), of different keys, and the list is not
// changed afterwards. Set does not wait.
func (m *Manager) Set(services []Service, s Settings) {
	d := &demand{ordered(services), s}
	m.mu.Lock()
	m.want = d
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *Manager) demanded() *demand {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.want
}

// Counters returns what the kernel has counted of all services, those of others included;
// none while there is no IPVS or nothing to do for it. It asks the kernel, in a
// conversation of its own, and waits for the answer.
func (m *Manager) Counters() ([]Counted, error) {
	if !m.Status().Ready {
		return nil, nil
	}
	k, err := m.open()
	if err != nil {
		return nil, fmt.Errorf("counters of IPVS: %w", err)
	}
	list, err := k.counters()
	if err := errors.Join(err, k.close()); err != nil {
		return nil, fmt.Errorf("counters of IPVS: %w", err)
	}
	return list, nil
}

// Inherited returns the services that an earlier process of perch has left in the kernel,
// as far as the record knows of them, with the servers that they have now. It is for
// before the first Set.
func (m *Manager) Inherited() ([]Service, error) {
	m.op.Lock()
	defer m.op.Unlock()
	if err := m.recall(); err != nil {
		return nil, fmt.Errorf("services of an earlier run: %w", err)
	}
	if len(m.mine) == 0 {
		return nil, nil
	}
	k, err := m.open()
	if err != nil {
		return nil, fmt.Errorf("services of an earlier run: %w", err)
	}
	have, err := k.survey()
	if err := errors.Join(err, k.close()); err != nil {
		return nil, fmt.Errorf("services of an earlier run: %w", err)
	}
	return slices.DeleteFunc(have, func(s Service) bool {
		_, mine := m.mine[s.Key]
		return !mine
	}), nil
}
