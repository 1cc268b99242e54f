package route

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Manager keeps the wanted routes and rules in the kernel. Its methods may be called
// from several goroutines at once.
type Manager struct {
	log    *slog.Logger
	kernel kernel
	watch  *watch
	have   tables          // what is perch's in the kernel, as far as is known
	lookAt time.Time       // when to list it the next time
	told   map[string]bool // reasons that were logged

	restored bool // the last turn put something back

	mu     sync.Mutex
	want   demand
	status Status

	running atomic.Bool
	wake    chan struct{}
}

// demand is what is wanted. Its lists are not changed.
type demand struct {
	routes []Route
	rules  []Rule
}

func (d demand) empty() bool { return len(d.routes) == 0 && len(d.rules) == 0 }

// Status tells of all that is wanted, in the order of Want.
type Status struct {
	Routes []RouteStatus
	Rules  []RuleStatus
}

// RouteStatus tells of one route.
type RouteStatus struct {
	Route  Route
	There  bool
	Reason string // why it is not there, else empty
}

// RuleStatus tells of one rule.
type RuleStatus struct {
	Rule   Rule
	There  bool
	Reason string // why it is not there, else empty
}

// New opens the sockets of a Manager in the network namespace of the calling thread.
// It needs CAP_NET_ADMIN, and starts nothing. A nil log discards what it is told.
func New(log *slog.Logger) (*Manager, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	w, err := openWatch()
	if err != nil {
		k.Close()
		return nil, err
	}
	return &Manager{log: log, kernel: k, watch: w, wake: make(chan struct{}, 1)}, nil
}

// Close closes the sockets. Run must have ended; it has removed what is perch's.
func (m *Manager) Close() {
	m.kernel.Close()
	m.watch.Close()
}

// Want makes these the routes and rules that are wanted, each once. It does not wait:
// Run carries it out at once, and Status tells what cannot be there, and why.
func (m *Manager) Want(routes []Route, rules []Rule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	want := demand{distinct(routes), distinct(rules)}
	if slices.Equal(want.routes, m.want.routes) && slices.Equal(want.rules, m.want.rules) {
		return
	}
	m.want = want
	poke(m.wake)
}

// Status returns what is known of the wanted routes and rules. What was wanted after
// the last look is not in it yet.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Status{slices.Clone(m.status.Routes), slices.Clone(m.status.Rules)}
}

// distinct is a list without repetitions.
func distinct[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	var once []T
	for _, v := range list {
		if !seen[v] {
			once = append(once, v)
		}
		seen[v] = true
	}
	return once
}

func (m *Manager) wanted() demand {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.want
}

// poke puts a token into a channel of capacity one, unless one is there already.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
