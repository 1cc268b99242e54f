package ipvs

// sweep removes the services that are not to outlast Run.
func (m *Manager) sweep() {
	d := m.demanded()
	if d == nil || d.AtEnd == Keep {
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
