package ipvs

// sweep removes the services that are not to outlast Run: none, if there are only those that
// somebody else made.
func (m *Manager) sweep() {
	d := m.demanded()
	if d == nil || d.AtEnd == Keep || m.prepare(*d) == nil || len(d.services)+len(m.mine) == 0 {
		return
	}
	have, err := m.kernel.survey()
	if err != nil {
		m.log.Warn("services of IPVS not removed", "error", err)
		return
	}
	steps, errs := m.carryOut(intent{mine: m.mine, all: d.All || d.AtEnd == Flush}.plan(have))
	failed := failures(steps, errs)
	m.forget(demand{}, failed)
	_ = m.save()
	for key, f := range failed {
		m.log.Warn("service of IPVS not removed", "service", key, "error", f.first)
	}
	m.log.Info("services of IPVS removed, as perch ends", "steps", succeeded(errs))
}
