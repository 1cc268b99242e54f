package daemon

import "maps"

// rank is what the checks make of a virtual router.
type rank struct {
	priority int
	fault    string // why it cannot serve; "" if it can
}

// ranked is the rank that a virtual router was given last.
type ranked struct {
	rank
	stale bool // it has been configured since, by which the engine may have another
}

// rankOf returns what the checks make of a router. That one of them has no verdict is no
// reason to begin to serve, and none to cease.
func rankOf(v *virtualRouter, known verdicts, serves bool) rank {
	f := weigh(v.Priority, v.refs, known)
	if f.health == sick || f.health == unsure && !serves {
		return rank{f.priority, brief(f.reasons)}
	}
	return rank{priority: f.priority}
}

// serves tells whether a router could serve as it was ranked last. The caller holds ranking.
func (r *routers) serves(name string) bool {
	was, known := r.ranks[name]
	return known && was.fault == ""
}

// rank has the virtual routers run with the priorities that the checks give them.
func (r *routers) rank() {
	r.ranking.Lock()
	defer r.ranking.Unlock()
	heard := r.verdicts()
	setup := r.setup.Load()
	for i := range setup.routers {
		v := &setup.routers[i]
		wanted := ranked{rank: rankOf(v, heard, r.serves(v.Name))}
		if was, known := r.ranks[v.Name]; known && was == wanted {
			continue
		}
		// One that is not there yet is ranked when it is.
		if err := r.setPriority(v.Name, uint8(wanted.priority), wanted.fault); err == nil {
			r.ranks[v.Name] = wanted
			r.informOfRank(v, wanted.priority)
		}
	}
}

// faultAtFirst returns why a router cannot serve as it is configured, so that it does not
// begin to; rankAnew is to follow.
func (r *routers) faultAtFirst(v *virtualRouter) string {
	r.ranking.Lock()
	defer r.ranking.Unlock()
	first := ranked{rank: rankOf(v, r.verdicts(), r.serves(v.Name)), stale: true}
	r.ranks[v.Name] = first
	return first.fault
}

// rankAnew is for routers that have been configured, by which they may have lost their
// ranks. Those that are there no longer are forgotten.
func (r *routers) rankAnew() {
	r.ranking.Lock()
	setup := r.setup.Load()
	maps.DeleteFunc(r.ranks, func(name string, _ ranked) bool { return setup.byName[name] == nil })
	for name, was := range r.ranks {
		was.stale = true
		r.ranks[name] = was
	}
	r.ranking.Unlock()
	r.rank()
}
