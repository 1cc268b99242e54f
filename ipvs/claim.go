package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// recall reads the record, once. Until it can be read it is not replaced, and what is in
// IPVS is taken for somebody else's.
func (m *Manager) recall() error {
	if m.recalled {
		return nil
	}
	remembered, err := m.record.Read()
	switch {
	case errors.Is(err, errRecord):
		m.setAside(err)
	case err != nil:
		return err
	}
	m.recalled, m.boot = true, thisBoot()
	if remembered.Boot != m.boot {
		return nil // that kernel has gone, with all that it had
	}
	for _, k := range remembered.Keys {
		m.mine[k] = struct{}{}
	}
	m.former = m.former.until(remembered.Former)
	return nil
}

func (m *Manager) setAside(damage error) {
	to, err := m.record.SetAside()
	if err != nil {
		m.log.Warn("what is in IPVS is taken for somebody else's", "error", errors.Join(damage, err))
		return
	}
	m.log.Warn("what is in IPVS is taken for somebody else's", "error", damage, "kept_as", to)
}

// claim notes keys before their services come. A disk that is full does not stop that:
// problems tells of it.
func (m *Manager) claim(keys []Key) {
	for _, k := range keys {
		m.mine[k] = struct{}{}
		m.unsaved = true
	}
	_ = m.save()
}

// disclaim drops what the kernel refused of the services that a plan claims, and returns all
// that could not be added. One that perch has made before was missed by the look: nobody
// took it away, and nothing of it is mended.
func (m *Manager) disclaim(p plan, errs []error) map[Key]struct{} {
	refused := make(map[Key]struct{})
	for i, s := range p.creates {
		_, claimed := slices.BinarySearchFunc(p.claims, s.Key, Key.Compare)
		switch {
		case errs[i] == nil:
			continue
		case !claimed && errors.Is(errs[i], errMadeByOthers):
			errs[i] = nil
			m.done = slices.DeleteFunc(slices.Clone(m.done), func(done Service) bool { return done.Key == s.Key })
			continue
		case claimed && !errors.Is(errs[i], errUnanswered):
			delete(m.mine, s.Key)
			m.unsaved = true
		}
		refused[s.Key] = struct{}{}
	}
	return refused
}

// forget drops what is neither wanted nor in the kernel any more.
func (m *Manager) forget(d demand, failed map[Key]failure) {
	for k := range m.mine {
		_, wanted := find(d.services, k)
		_, stays := failed[k]
		if !wanted && !stays {
			delete(m.mine, k)
			m.unsaved = true
		}
	}
}

// save writes the record if it is not up to date.
func (m *Manager) save() error {
	if err := m.recall(); err != nil {
		return fmt.Errorf("what was in IPVS before is taken for somebody else's: %w", err)
	}
	if !m.unsaved {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(m.mine), Key.Compare)
	if err := m.record.Write(memory{m.boot, keys, m.former}); err != nil {
		return err
	}
	m.unsaved = false
	return nil
}

// lend sets the timeouts that are wanted, and puts the others back. A failure to write the
// record down does not stop that: problems tells of it.
func (m *Manager) lend(want Timeouts) error {
	if want == (Timeouts{}) && m.former == (former{}) {
		return nil
	}
	now, err := m.kernel.timeouts()
	if err != nil {
		return err
	}
	next, change := m.former.plan(now, want)
	if change != (Timeouts{}) {
		m.owe(m.former.until(next))
		if err := m.kernel.setTimeouts(change); err != nil {
			return err
		}
		if want == m.lent && want != (Timeouts{}) {
			m.addMended(1)
			m.log.Warn("timeouts of IPVS were changed by somebody else, and are mended")
		}
	}
	m.lent = want
	m.owe(next)
	return nil
}

func (m *Manager) owe(f former) {
	if f != m.former {
		m.former, m.unsaved = f, true
	}
	_ = m.save()
}
