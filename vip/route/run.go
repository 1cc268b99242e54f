package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	retryAfter = time.Second // what could not be done is tried again
	lookEvery  = time.Minute // the kernel lists what is perch's
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
	m.lookAt = time.Time{}
	return errors.Join(<-watched, m.sync(demand{}))
}

// loop turns whenever there is a reason, and because of events no more often than the
// time that a turn takes allows.
func (m *Manager) loop(ctx context.Context, events <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pause time.Time // until then no turn because of an event
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
		pause = time.Now().Add(m.breather(time.Since(begin)))
		timer.Stop()
		if again {
			timer.Reset(time.Until(next))
		}
	}
}

// breather is the pause after a turn that took so long. Who keeps removing something
// is answered once in it.
func (m *Manager) breather(took time.Duration) time.Duration {
	if m.restored {
		return retryAfter
	}
	return min(max(10*took, 20*time.Millisecond), retryAfter)
}

// turn makes the kernel match what is wanted, and returns when to do so again, false
// for not before something else is wanted.
func (m *Manager) turn() (next time.Time, again bool) {
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
		return time.Now().Add(retryAfter), true
	case m.lookAt.IsZero():
		return m.lookAt, true
	}
	return m.lookAt, !want.empty()
}

// attend listens to what others change while something is wanted. Before, nothing of
// perch is there, and the kernel need not be asked when it matters most.
func (m *Manager) attend(want demand) error {
	switch {
	case want.empty():
		return m.watch.Ignore()
	case !m.watch.listening && !m.lookAt.IsZero():
		m.lookAt = time.Now().Add(lookEvery)
	}
	return m.watch.Listen()
}

// sync makes what is perch's in the kernel that which is wanted.
func (m *Manager) sync(want demand) error {
	s, err := newSurvey(want, m.kernel.Index)
	if err != nil {
		return err
	}
	if now := time.Now(); !now.Before(m.lookAt) {
		if m.have, err = m.kernel.Have(); err != nil {
			return err
		}
		m.lookAt = now.Add(lookEvery)
	} else {
		m.confirm(s.want)
	}
	var errs []error
	for _, a := range plan(s.want, m.have) {
		err := m.kernel.Apply(a)
		switch {
		case err == nil:
			m.noted(a)
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

// noted takes over what an action has done. Where a rule went that has others of its
// preference the kernel may have taken one that asks for more instead: it must be
// listed again.
func (m *Manager) noted(a action) {
	m.have.note(a)
	if a.op == opRemoveRule && slices.ContainsFunc(m.have.rules, func(r Rule) bool { return r.Preference == a.rule.Preference }) {
		m.lookAt = time.Time{}
	}
}

// confirm finds out, without a look, whether what is wanted and was there still is: to
// add it again is refused. What cannot be there any more is removed, as IPv6 keeps
// routes whose source has gone.
func (m *Manager) confirm(want tables) {
	m.restored = false
	for _, a := range common(want, m.have) {
		switch err := m.kernel.Apply(a); {
		case err == nil:
			m.restored = true
			m.log.Warn("put back what somebody had removed", "action", a)
		case !errors.Is(err, unix.EEXIST):
			_ = m.kernel.Apply(a.undo()) // else the next look tells
			m.have.note(a.undo())
		}
	}
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
