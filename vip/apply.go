package vip

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"
)

// errorsShown is how many errors of one plan are told one by one.
const errorsShown = 8

// execution is the course of one plan.
type execution struct {
	added, removed int
	stuck          int  // addresses that should have gone
	keeping        bool // between opKeep and opUnkeep
	refused        bool // opKeep was
	forbidden      bool // something was not allowed
	superseded     bool // stopped, as something else was demanded
	errs           []error
}

// err is what went wrong, at most errorsShown of it in full.
func (x *execution) err() error {
	errs := x.errs
	if more := len(errs) - errorsShown; more > 0 {
		errs = append(errs[:errorsShown:errorsShown], fmt.Errorf("and %d more", more))
	}
	switch {
	case !x.forbidden:
		return errors.Join(errs...)
	case len(errs) == 0:
		return ErrNotAllowed
	}
	return errors.Join(append(errs, ErrNotAllowed)...)
}

// execute carries out a plan. It stops between two addresses when the epoch is over.
func (m *Manager) execute(actions []action, epoch uint64) (x execution) {
	defer func() { m.sum(x) }()
	for _, a := range actions {
		if !x.keeping && m.epoch.Load() != epoch {
			x.superseded = true
			return x
		}
		if err := m.apply(a, &x); err != nil {
			x.errs = append(x.errs, err)
		}
	}
	return x
}

// sum logs what came of a plan.
func (m *Manager) sum(x execution) {
	if x.added+x.removed > 0 {
		m.journal.Say(slog.LevelInfo, "addresses changed",
			"added", x.added, "removed", x.removed, "errors", len(x.errs))
	}
}

// takes reports whether an action gives this node a VIP.
func (x *execution) takes(a action) bool {
	switch a.op {
	case opAdopt, opAdd, opModify:
		return true
	case opRestore:
		return x.refused && a.vip != VIP{}
	}
	return false
}

func (m *Manager) apply(a action, x *execution) error {
	m.progress.begin()
	if x.takes(a) && !m.allowed(a.vip) {
		x.forbidden = true
		m.forbidden(a)
		return nil
	}
	switch a.op {
	case opAdopt:
		return m.adopt(a)
	case opAdd:
		err := m.add(a)
		if err == nil {
			x.added++
		}
		return err
	case opModify:
		return m.modify(a)
	case opRemove:
		err := m.remove(a)
		if err == nil {
			x.removed++
		} else {
			x.stuck++
		}
		return err
	case opKeep:
		m.company.keeping.Lock()
		x.keeping = true
		x.refused = m.kernel.Promote(a.address.index, 1) != nil
	case opRestore:
		if x.refused {
			return m.restore(a.address)
		}
	case opUnkeep:
		defer m.company.keeping.Unlock()
		x.keeping = false
		if !x.refused {
			return m.unkeep(a.address.index)
		}
	}
	return nil
}

// mayGuard reports what keeps an address away.
func (m *Manager) mayGuard(a address) error {
	if a.isRange() && m.noRanges != nil {
		return m.noRanges
	}
	return m.guard(a.index)
}

func (m *Manager) adopt(a action) error {
	if err := m.mayGuard(a.address); err != nil {
		return m.refused(a, "guard", err)
	}
	if err := m.kernel.Replace(a.address); err != nil {
		return m.refused(a, "take over", err)
	}
	m.journal.Say(slog.LevelInfo, "address was there already, taken over", "vip", a.vip)
	m.holds(a)
	m.announce(a.vip)
	return nil
}

func (m *Manager) add(a action) error {
	if err := m.mayGuard(a.address); err != nil {
		return m.refused(a, "guard", err)
	}
	err := m.kernel.Add(a.address)
	if errors.Is(err, unix.EEXIST) { // put there since the look
		err = m.kernel.Replace(a.address)
	}
	if err != nil {
		return m.refused(a, "add", err)
	}
	m.holds(a)
	m.announce(a.vip)
	return nil
}

func (m *Manager) modify(a action) error {
	if err := m.kernel.Replace(a.address); err != nil {
		return m.refused(a, "change", err)
	}
	m.holds(a)
	return nil
}

// holds notes that the kernel has the address of a VIP. An address that is never
// refreshed does not reliably end with its lifetime, so that the first refresh is
// due at once.
func (m *Manager) holds(a action) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	e := m.entries[a.vip]
	m.mine[a.address.place()] = claim{a.address, a.op == opAdopt, a.given}
	e.address, e.err = a.address, nil
	e.setHeld(true, now)
	if e.lost {
		e.lost = false
		e.readded++
		m.readded.Add(1)
		m.journal.Say(slog.LevelWarn, "address put back that somebody else had removed",
			"vip", a.vip, "times", e.readded)
	}
	if m.renewal > 0 && !a.address.isRange() {
		m.renewals.Put(a.vip, now)
	}
}

// forbidden notes that a VIP is not taken now. One that went along with another is
// gone.
func (m *Manager) forbidden(a action) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[a.vip]
	if a.op == opRestore {
		m.lose(e, time.Now())
	}
	if !e.held {
		e.err = ErrNotAllowed
	}
}

// refused notes that the kernel did not take an address, and lets Run wait before
// it tries again. An interface that has just vanished or gone down is no error:
// its return is waited for.
func (m *Manager) refused(a action, what string, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[a.vip]
	e.hold = time.Now().Add(retryAfter)
	switch {
	case noInterface(err), errors.Is(err, unix.ENETDOWN):
		return nil
	case errors.Is(err, unix.EACCES) && !a.address.is4():
		err = fmt.Errorf("IPv6 is disabled there: %w", err)
	}
	e.err = fmt.Errorf("%s %s on %s: %w", what, a.address.prefix, a.vip.Interface, err)
	return e.err
}

func (m *Manager) remove(a action) error {
	at := a.address.place()
	_, mine := m.mine[at]
	err := m.kernel.Remove(a.address)
	if err != nil {
		err = fmt.Errorf("remove %s: %w", a.address, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	e, configured := m.entries[a.vip]
	switch {
	case configured && err != nil:
		e.address, e.err = a.address, err
		e.setHeld(true, now)
	case configured && e.address.place() == at:
		m.lose(e, now)
	}
	if err == nil {
		delete(m.mine, at)
	}
	if err == nil && !mine {
		m.journal.Say(slog.LevelWarn, "address removed that this node must not hold", "address", a.address)
	}
	return err
}

// restore puts back an address that the kernel removed along with a VIP.
func (m *Manager) restore(a address) error {
	err := m.kernel.Add(a)
	if err == nil || errors.Is(err, unix.EEXIST) || noInterface(err) {
		return nil
	}
	return fmt.Errorf("put back %s: %w", a, err)
}

func (m *Manager) unkeep(index int) error {
	if err := m.kernel.Promote(index, 0); err != nil && !noInterface(err) {
		return fmt.Errorf("set promote_secondaries of interface %d back: %w", index, err)
	}
	return nil
}

// announce sends the first announcement of a VIP, and begins its repeats.
func (m *Manager) announce(v VIP) {
	now := time.Now()
	m.speak(v, now)
	if m.tell(v, now) && v.isRange() {
		m.sweep(now)
	}
}

// speak lets a VIP be announced from now on, from the start, and lets it be asked
// who else has it. Nobody waits for the question: Run sends it.
func (m *Manager) speak(v VIP, now time.Time) {
	m.schedule.Start(v, now)
	if !v.isRange() {
		m.questions.Put(v, now.Add(m.courtesy))
	}
}

// silence ends all that is said of a VIP.
func (m *Manager) silence(v VIP) {
	m.schedule.Stop(v)
	m.sweeps.Drop(v)
	m.defences.Drop(v)
	m.questions.Drop(v)
}

// tell announces a VIP that is on the schedule, if it is wanted and may be held, and
// reports that. It comes later if others of its interface have their turn.
func (m *Manager) tell(v VIP, now time.Time) bool {
	if !m.schedule.Admits(v, now) {
		return false
	}
	m.schedule.Sent(v, now)
	m.mu.Lock()
	_, wanted := m.wanted[v]
	l := m.links[v.Interface]
	m.mu.Unlock()
	if !wanted {
		return false
	}
	if !m.allowed(v) {
		m.withheld.Add(1)
		return false
	}
	if v.isRange() {
		if v.spoken() {
			m.sweeps.Begin(v, now)
		}
		return true
	}
	if err := m.announcer.Announce(v.Address.Addr(), l); err != nil {
		m.journal.Say(slog.LevelWarn, "announcement not sent", "vip", v, "error", err)
	}
	return true
}
