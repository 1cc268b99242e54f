package route

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	retryAfter = time.Second // what could not be done is tried again
	lookEvery  = time.Minute // what is wanted is looked for without a reason
)

// Run keeps what is wanted in the kernel until ctx ends, and then removes all that is
// perch's. It can be run once.
func (m *Manager) Run(ctx context.Context) error {
	if m.running.Swap(true) {
		return errors.New("run manager of routes: it ran before")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, watched := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		watched <- m.watch.Read(events)
		cancel()
	}()
	m.loop(ctx, events)
	m.watch.Close()
	return errors.Join(<-watched, m.sync(demand{}))
}

// loop looks whenever there is a reason, and because of events no more often than
// the time that this takes allows.
func (m *Manager) loop(ctx context.Context, events <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pause time.Time // until then no look because of an event
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			timer.Reset(time.Until(pause))
			continue
		case <-m.wake:
		case <-timer.C:
		}
		begin := time.Now()
		next, again := m.turn()
		pause = time.Now().Add(breather(time.Since(begin)))
		timer.Stop()
		if again {
			timer.Reset(next)
		}
	}
}

// breather is the pause after a look that took so long.
func breather(took time.Duration) time.Duration {
	return min(max(10*took, 20*time.Millisecond), retryAfter)
}

// turn looks, and returns after which time to look again, false for not before
// something else is wanted.
func (m *Manager) turn() (next time.Duration, again bool) {
	want := m.wanted()
	err := m.attend(want)
	if err == nil {
		err = m.sync(want)
	}
	if err != nil {
		m.log.Error("routes and rules are not as wanted", "error", err)
	}
	switch {
	case err != nil || m.Status().Lacks():
		return retryAfter, true
	case want.empty():
		return 0, false
	}
	return lookEvery, true
}

// attend listens to what others change while something is wanted.
func (m *Manager) attend(want demand) error {
	if want.empty() {
		return m.watch.Ignore()
	}
	return m.watch.Listen()
}

// sync makes what is perch's in the kernel that which is wanted.
func (m *Manager) sync(want demand) error {
	s, err := newSurvey(want, m.kernel.Index)
	if err != nil {
		return err
	}
	have, err := m.kernel.Have()
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range plan(s.want, have) {
		err := m.kernel.Apply(a)
		switch {
		case err == nil:
			m.log.Info("routing changed", "action", a)
		case a.op == opAddRoute || a.op == opAddRule:
			s.Failed(a, err)
		default:
			errs = append(errs, fmt.Errorf("%s: %w", a, err))
		}
	}
	m.report(s.status)
	return errors.Join(errs...)
}

// report publishes a status, and logs what keeps routes and rules away, once.
func (m *Manager) report(s Status) {
	m.mu.Lock()
	m.status = s
	m.mu.Unlock()
	told := make(map[string]bool)
	for _, r := range s.Routes {
		m.tell(told, r.Route, r.Reason)
	}
	for _, r := range s.Rules {
		m.tell(told, r.Rule, r.Reason)
	}
	m.told = told
}

func (m *Manager) tell(told map[string]bool, what fmt.Stringer, reason string) {
	if reason == "" {
		return
	}
	line := what.String() + ": " + reason
	if told[line] = true; !m.told[line] {
		m.log.Warn("route or rule cannot be added yet", "what", what, "reason", reason)
	}
}
