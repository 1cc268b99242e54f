package vip

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Manager keeps the wanted VIPs in the kernel. Its methods may be called from
// several goroutines at once.
type Manager struct {
	lifetime time.Duration // at least; 0 for ever
	fenced   func(VIP) bool
	allowed  func(VIP) bool
	dress    dress
	guard    func(index int) error
	noRanges error
	courtesy time.Duration
	company  *Company
	ledger   ledger
	journal  journal

	// configuring is held while the configuration changes, also while the
	// ledger is written; op never is. It is taken first, op second, mu last.
	configuring baton
	opened      bool        // the ledger has been read
	written     []VIP       // what the ledger says
	known       bool        // written is true
	shorter     atomic.Bool // the ledger may say too much

	// op is held while the kernel is read or changed and while frames are sent:
	// nothing is announced or refreshed after the release that came in between.
	op        baton
	progress  progress
	kernel    kernel
	announcer announcer
	addresses []address       // of one batch, reused
	mine      map[place]claim // put there or taken over by this process
	schedule  schedule
	sweeps    sweeps
	renewals  agenda
	defences  agenda   // announcements against other hosts that claim a VIP
	questions agenda   // who else has a VIP
	attending []uint16 // types of frames that are listened to
	told      string   // the last error of Run, until all is well

	// mu guards state, and is held for moments only. What state says of the
	// kernel changes under op and mu, and may be read under either.
	mu sync.Mutex
	state

	epoch   atomic.Uint64 // counts Sets; one that finds it changed stops
	running atomic.Bool
	anew    atomic.Bool   // all lifetimes are to be refreshed
	wake    chan struct{} // tells Run that its timers are out of date
	pen     chan struct{} // tells the scribe that there may be something to write

	readded   atomic.Uint64
	refreshed atomic.Uint64
	syncs     atomic.Uint64
	overruns  atomic.Uint64
	conflicts atomic.Uint64
	defended  atomic.Uint64
	withheld  atomic.Uint64
}

// New opens the sockets of a Manager in the network namespace of the calling
// thread. It needs CAP_NET_ADMIN and CAP_NET_RAW, and starts nothing.
func New(opts Options) (*Manager, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s, err := openSockets()
	if err != nil {
		return nil, err
	}
	return newManager(opts, s), nil
}

func newManager(opts Options, t transport) *Manager {
	log, allowed := opts.Log, opts.Allowed
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if allowed == nil {
		allowed = func(VIP) bool { return true }
	}
	fenced := opts.Fenced
	if fenced == nil {
		fenced = func(VIP) bool { return false }
	}
	guard := opts.Guard
	if guard == nil {
		guard = func(int) error { return nil }
	}
	company := opts.Company
	if company == nil {
		company = &Company{}
	}
	m := &Manager{
		lifetime:    opts.Lifetime,
		fenced:      fenced,
		allowed:     allowed,
		dress:       opts.Attributes,
		guard:       guard,
		noRanges:    opts.NoRanges,
		courtesy:    opts.Courtesy,
		company:     company,
		ledger:      ledger(opts.Ledger),
		journal:     journal{log: log},
		configuring: newBaton(),
		op:          newBaton(),
		kernel:      kernel{t, newExchange()},
		announcer:   announcer{transport: t},
		mine:        make(map[place]claim),
		schedule:    newSchedule(opts.Schedule),
		sweeps:      sweeps{pace: opts.Schedule},
		state:       newState(),
		wake:        make(chan struct{}, 1),
		pen:         make(chan struct{}, 1),
	}
	m.announcer.unsent = m.unsent
	return m
}

// Close closes the sockets. It releases nothing: Set(nil) does. Run must have
// ended.
func (m *Manager) Close() error {
	defer m.journal.Flush()
	m.take()
	defer m.give()
	m.company.leave(m)
	return m.kernel.Close()
}

// Set makes want, a subset of the configured VIPs, the VIPs that this node
// holds: it adds and announces what is missing, then removes the others. A VIP
// whose interface is missing or down is waited for; that is no error. Others are
// tried again by Run. Set(nil) returns when the kernel has no VIP any more; it
// waits for one batch of what else is under way. A Set that one with another
// want overtakes stops, and returns ErrSuperseded; one that may not add returns
// ErrNotAllowed. Other errors name address and interface.
func (m *Manager) Set(want []VIP) error {
	want, err := m.demand(want)
	if err != nil {
		return err
	}
	m.take()
	defer m.give()
	defer poke(m.wake)
	for m.wants(want) {
		if err := m.sync(atOnce); !errors.Is(err, ErrSuperseded) {
			return err
		}
	}
	return ErrSuperseded
}

// demand publishes what is wanted before it waits for its turn, so that whoever
// is at work on the last demand stops.
func (m *Manager) demand(want []VIP) ([]VIP, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	want, err := m.accept(want)
	if err != nil {
		return nil, err
	}
	m.setWant(want)
	m.company.wants(m, m.singles)
	m.epoch.Add(1)
	return want, nil
}

func (m *Manager) wants(want []VIP) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Equal(m.want, want)
}

// poke puts a token into a channel of capacity one, unless one is there already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Status returns the state of every configured VIP, in the order of Configure.
func (m *Manager) Status() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report(time.Now())
}

// Stats returns the counters.
func (m *Manager) Stats() Stats {
	return Stats{
		Announced:      m.announcer.sent.Load(),
		AnnounceErrors: m.announcer.failed.Load(),
		Readded:        m.readded.Load(),
		Refreshed:      m.refreshed.Load(),
		Syncs:          m.syncs.Load(),
		Overruns:       m.overruns.Load(),
		Asked:          m.announcer.asked.Load(),
		Conflicts:      m.conflicts.Load(),
		Defended:       m.defended.Load(),
		Withheld:       m.withheld.Load(),
	}
}
