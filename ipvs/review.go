package ipvs

import (
	"slices"
	"time"
)

// look is what a survey found.
type look struct {
	have       []Service
	err        error
	amendments uint64 // when it began
}

// prepare returns the kernel that is to be looked at: nil if there is no IPVS, or nothing
// to do for it.
func (m *Manager) prepare(d demand) kernel {
	_ = m.recall() // problems tells of the error
	if m.needless(d) {
		m.rest()
		return nil
	}
	if m.kernel == nil {
		k, err := m.open()
		if err != nil {
			m.wait(err)
			return nil
		}
		m.kernel = k
	}
	return m.kernel
}

// finish carries out what a look found to be needed. Amendments may have come in between:
// the steps of a plan find it done, then.
func (m *Manager) finish(d demand, l look) {
	if l.err != nil {
		m.hangUp()
		m.wait(l.err)
		return
	}
	m.asked = d
	p := intent{d.services, m.mine, d.All}.plan(l.have)
	m.claim(p.claims)
	steps, errs := m.carryOut(p)
	failed := failures(steps, errs)
	if l.amendments == m.amendments {
		m.countMended(steps, errs)
	}
	m.forget(d, failed)
	m.blocked = p.blocked
	m.done = slices.DeleteFunc(slices.Clone(d.services), func(s Service) bool {
		_, bad := failed[s.Key]
		_, blocked := slices.BinarySearchFunc(p.blocked, s.Key, Key.Compare)
		return bad || blocked
	})
	if done := succeeded(errs); done > 0 { // else the same is tried again, and nothing is new
		m.log.Info("services of IPVS changed", "steps", done, "services_failed", len(failed))
	}
	m.conclude(p, failed, m.lend(d.Timeouts))
}

// carryOut takes the steps of a plan, and returns what became of each. A service that could
// not be added gets no servers: those would go to who has made it since the look.
func (m *Manager) carryOut(p plan) ([]step, []error) {
	errs := m.kernel.carryOut(p.creates)
	refused := m.disclaim(p, errs)
	rest := slices.DeleteFunc(p.steps, func(s step) bool {
		_, bad := refused[s.Key]
		return bad
	})
	return append(p.creates, rest...), append(errs, m.kernel.carryOut(rest)...)
}

func succeeded(errs []error) (n int) {
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// needless says that there is nothing to do, so that a kernel without IPVS is not asked for it.
func (m *Manager) needless(d demand) bool {
	d.AtEnd = Keep // of nothing nothing is left
	return len(d.services) == 0 && len(m.mine) == 0 && d.Settings == Settings{} && m.former == former{}
}

// rest lets go of an IPVS that nothing is wanted of.
func (m *Manager) rest() {
	m.hangUp()
	m.blocked, m.waits, m.pause = nil, false, 0
	m.due = time.Now().Add(reviewEvery)
	errs := m.problems(nil)
	m.publish(Status{Problems: texts(errs)})
	m.complain(nil, errs)
}

// hangUp ends the conversation with the kernel, and with it what is known of it.
func (m *Manager) hangUp() {
	if m.kernel == nil {
		return
	}
	if err := m.kernel.close(); err != nil {
		m.log.Debug("conversation with IPVS not ended", "error", err)
	}
	m.kernel, m.done, m.lent = nil, nil, Timeouts{}
}

// wait notes why there is no IPVS.
func (m *Manager) wait(err error) {
	m.blocked, m.waits = nil, true
	m.retry()
	errs := m.problems(nil)
	m.publish(Status{Waiting: err.Error(), Problems: texts(errs)})
	m.complain([]complaint{{what: "waiting for IPVS", reason: err.Error()}}, errs)
}

// retry puts the next review off, longer each time.
func (m *Manager) retry() {
	m.pause = min(max(2*m.pause, firstPause), reviewEvery)
	m.due = time.Now().Add(m.pause)
}

// conclude ends a review of a kernel that has IPVS.
func (m *Manager) conclude(p plan, failed map[Key]failure, lent error) {
	errs := m.problems(lent)
	s := Status{Ready: true, Foreign: p.foreign, Failed: troubles(failed), Problems: texts(errs)}
	for _, k := range p.blocked {
		s.Blocked = append(s.Blocked, Trouble{k, errMadeByOthers.Error()})
	}
	m.waits = false
	if len(s.Failed) > 0 || len(errs) > 0 {
		m.retry()
	} else {
		m.pause, m.due = 0, time.Now().Add(reviewEvery)
	}
	m.publish(s)
	m.complain(s.complaints(), errs)
}

// problems are what belongs to no service: lent, and a record that cannot be read or written.
func (m *Manager) problems(lent error) []error {
	var errs []error
	for _, err := range [...]error{lent, m.save()} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// countMended counts steps that were needed only because others changed what was done.
func (m *Manager) countMended(steps []step, errs []error) {
	var mended []step
	for i, s := range steps {
		if _, done := find(m.done, s.Key); done && errs[i] == nil {
			mended = append(mended, s)
		}
	}
	if len(mended) == 0 {
		return
	}
	m.addMended(len(mended))
	m.log.Warn("services of IPVS were changed by somebody else, and are mended",
		"steps", len(mended), "first", mended[0].Key)
}
