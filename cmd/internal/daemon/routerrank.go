package daemon

// rank is what the checks make of a virtual router.
type rank struct {
	priority int
	fault    string // why it cannot serve; "" if it can
}

// rank has the virtual routers run with the priorities that the checks give them.
func (r *routers) rank() {
	r.ranking.Lock()
	defer r.ranking.Unlock()
	verdicts := r.verdicts()
	setup := r.setup.Load()
	for i := range setup.routers {
		v := &setup.routers[i]
		f := weigh(v.Priority, v.refs, verdicts)
		wanted := rank{priority: f.priority}
		if f.health == sick {
			wanted.fault = brief(f.reasons)
		}
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
