package ipvs

import "slices"

// amend brings changes of services that the kernel has there, without a look at it. It
// returns whether that was all, so that the next review may wait until it is due.
func (m *Manager) amend(d demand) bool {
	if m.kernel == nil {
		return m.waits
	}
	failed := m.amendAll(rewrite(m.done, d.services))
	if len(failed) == 0 && slices.EqualFunc(m.done, d.services, sameKey) {
		m.done = d.services
		return d.Settings == m.asked.Settings
	}
	before := m.done
	m.done = slices.DeleteFunc(slices.Clone(d.services), func(s Service) bool {
		_, bad := failed[s.Key]
		_, had := find(before, s.Key)
		return bad || !had
	})
	// One that is missing now has failed, or is to be removed.
	return len(m.done) == len(before) && d.Settings == m.asked.Settings && !m.news(d)
}

func (m *Manager) amendAll(steps []step) map[Key]failure {
	if len(steps) == 0 {
		return nil
	}
	m.amendments++
	failed := failures(steps, m.kernel.carryOut(steps))
	m.log.Debug("services of IPVS amended", "steps", len(steps), "services_failed", len(failed))
	return failed
}

// news says that a service is to be tried that was not wanted like this at the last review.
// Others' services are not looked at again for that.
func (m *Manager) news(d demand) bool {
	return slices.ContainsFunc(d.services, func(s Service) bool {
		if _, done := find(m.done, s.Key); done {
			return false
		}
		if _, blocked := slices.BinarySearchFunc(m.blocked, s.Key, Key.Compare); blocked {
			return false
		}
		before, asked := find(m.asked.services, s.Key)
		return !asked || !before.equal(s)
	})
}
