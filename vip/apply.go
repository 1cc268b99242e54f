package vip

import (
	"errors"
	"fmt"
	"iter"
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
	batching       batching
	speaking       batchSize
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

// execute carries out a plan. It stops between two batches when the epoch is over.
func (m *Manager) execute(portions iter.Seq[[]action], epoch uint64) (x execution) {
	defer func() { m.sum(x) }()
	for actions := range portions {
		for len(actions) > 0 {
			if !x.keeping && m.epoch.Load() != epoch {
				x.superseded = true
				return x
			}
			n := x.batching.Of(actions)
			m.carryOut(actions[:n], &x)
			actions = actions[n:]
			m.keepPace(&x)
		}
	}
	return x
}

// keepPace announces what has waited for its turn while a plan is carried out. Repeats
// that are due come along; without a pace they wait for its end.
func (m *Manager) keepPace(x *execution) {
	if m.schedule.Waits() {
		m.repeat(time.Now(), &x.speaking)
		m.announcer.Send()
	}
}

// carryOut carries out a batch, which is of one kind if it is of more than one action.
func (m *Manager) carryOut(batch []action, x *execution) {
	m.progress.begin()
	switch batch[0].op {
	case opAdd:
		m.add(batch, x)
	case opRemove:
		m.remove(batch, x)
	default:
		x.fail(m.apply(batch[0], x))
	}
}

// fail notes an error, if there is one.
func (x *execution) fail(err error) {
	if err != nil {
		x.errs = append(x.errs, err)
	}
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

// may reports whether an action may be carried out, and notes that it may not.
func (m *Manager) may(a action, x *execution) bool {
	if x.takes(a) && !m.allowed(a.vip) {
		x.forbidden = true
		m.forbidden(a)
		return false
	}
	return true
}

func (m *Manager) apply(a action, x *execution) error {
	if !m.may(a, x) {
		return nil
	}
	switch a.op {
	case opAdopt:
		return m.adopt(a)
	case opModify:
		return m.modify(a)
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
	m.announcer.Send()
	return nil
}

// add adds the addresses of a batch, and announces those that are there then.
func (m *Manager) add(batch []action, x *execution) {
	may := m.addable(batch, x)
	if len(may) == 0 {
		return
	}
	begin := time.Now()
	errs := m.kernel.AddAll(m.addressesOf(may))
	for i, a := range may {
		err := errs[i]
		if errors.Is(err, unix.EEXIST) { // put there since the look
			err = m.kernel.Replace(a.address)
		}
		if err != nil {
			x.fail(m.refused(a, "add", err))
			continue
		}
		x.added++
		m.holds(a)
		m.announce(a.vip)
	}
	m.announcer.Send()
	x.batching.size.Took(len(may), time.Since(begin))
}

// addable are those of a batch that may be added, in its memory. Each interface of it is
// guarded once.
func (m *Manager) addable(batch []action, x *execution) []action {
	may := batch[:0]
	index, guarded := 0, error(nil)
	for _, a := range batch {
		if !m.may(a, x) {
			continue
		}
		if a.address.index != index {
			index, guarded = a.address.index, m.mayGuard(a.address)
		}
		if guarded != nil {
			x.fail(m.refused(a, "guard", guarded))
			continue
		}
		may = append(may, a)
	}
	return may
}

// addressesOf are those of a batch, until the next call.
func (m *Manager) addressesOf(batch []action) []address {
	m.addresses = m.addresses[:0]
	for _, a := range batch {
		m.addresses = append(m.addresses, a.address)
	}
	return m.addresses
}

func (m *Manager) modify(a action) error {
	if err := m.kernel.Replace(a.address); err != nil {
		return m.refused(a, "change", err)
	}
	m.holds(a)
	return nil
}

// holds notes that the kernel has the address of a VIP.
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
	if m.lifetime > 0 && !a.address.isRange() {
		e.given = time.Duration(a.address.valid) * time.Second
		m.renewals.Put(a.vip, m.firstRenewal(e.given, now))
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

// remove removes the addresses of a batch.
func (m *Manager) remove(batch []action, x *execution) {
	begin := time.Now()
	errs := m.kernel.RemoveAll(m.addressesOf(batch))
	x.batching.size.Took(len(batch), time.Since(begin))
	for i, a := range batch {
		if err := errs[i]; err != nil {
			x.stuck++
			x.fail(m.stays(a, fmt.Errorf("remove %s: %w", a.address, err)))
			continue
		}
		x.removed++
		m.gone(a)
	}
}

// stays notes that an address is still there.
func (m *Manager) stays(a action, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, configured := m.entries[a.vip]; configured {
		e.address, e.err = a.address, err
		e.setHeld(true, time.Now())
	}
	return err
}

// gone notes that an address has gone.
func (m *Manager) gone(a action) {
	at := a.address.place()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, configured := m.entries[a.vip]; configured && e.address.place() == at {
		m.lose(e, time.Now())
	}
	if _, mine := m.mine[at]; !mine {
		m.journal.Say(slog.LevelWarn, "address removed that this node must not hold", "address", a.address)
	}
	delete(m.mine, at)
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

// announce writes the first announcement of a VIP, and begins its repeats.
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

// tell writes the announcement of a VIP that is on the schedule, if it is wanted and may
// be held, and reports that. It comes later if others of its interface have their turn.
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
	m.announcer.Announce(v, l)
	return true
}

// unsent tells of what could not be sent.
func (m *Manager) unsent(l letter, err error) {
	message := "announcement not sent"
	if l.kind == asking {
		message = "not asked whether another host has the VIP"
	}
	m.journal.Say(slog.LevelWarn, message, "vip", l.vip, "error", err)
}
