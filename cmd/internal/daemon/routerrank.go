package daemon

// rank is what the checks make of a virtual router.
type rank struct {
	priority int
	fault    string // why it cannot serve; "" if it can
}

func rankOf(v *virtualRouter, verdicts map[string]verdict) rank {
	f := weigh(v.Priority, v.refs, verdicts)
	if f.health == sick {
		return rank{f.priority, brief(f.reasons)}
	}
	return rank{priority: f.priority}
}

// rank has the virtual routers run with the priorities that the checks give them.
func (r *routers) rank() {
	r.ranking.Lock()
	defer r.ranking.Unlock()
	verdicts := r.verdicts()
	setup := r.setup.Load()
	for i := range setup.routers {
		v := &setup.routers[i]
		wanted := rankOf(v, verdicts)
		was, ranked := r.ranks[v.Name]
		if ranked && was == wanted || !ranked && wanted == (rank{priority: v.Priority}) {
			continue
		}
		// One that is not there yet is ranked when it is.
		if err := r.setPriority(v.Name, uint8(wanted.priority), wanted.fault); err == nil {
			r.ranks[v.Name] = wanted
		}
	}
}

// faultAtFirst returns why a router cannot serve as it is configured, so that it does not
// begin to; rankAnew is to follow.
func (r *routers) faultAtFirst(v *virtualRouter) string {
	fault := rankOf(v, r.verdicts()).fault
	if fault != "" {
		r.ranking.Lock()
		defer r.ranking.Unlock()
		r.ranks[v.Name] = rank{}
	}
	return fault
}

// rankAnew is for routers that have been configured, by which they may have lost their
// ranks.
func (r *routers) rankAnew() {
	r.ranking.Lock()
	for name := range r.ranks {
		r.ranks[name] = rank{}
	}
	r.ranking.Unlock()
	r.rank()
}
