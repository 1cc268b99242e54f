package bgp

import (
	"net/netip"
	"time"
)

// done notes what bgpd's configuration is now.
func (s *Speaker) done(r running, steps []step) {
	state, left := s.take(r, steps)
	s.enter(state, nil)
	s.keep(left)
	s.report(steps)
}

// answered notes that bgpd has done what is wanted, by what was known of it before.
func (s *Speaker) answered(steps []step) {
	s.mu.Lock()
	if !s.demand.asked.IsZero() && !s.demand.changed {
		s.status.Took, s.demand.told = time.Since(s.demand.asked), true
	}
	s.mu.Unlock()
	s.report(steps)
}

// report logs what bgpd was told.
func (s *Speaker) report(steps []step) {
	if len(steps) > 0 {
		s.log.Info("told bgpd", "steps", len(steps), "first", steps[0].String())
	}
}

// take takes over a configuration that is as wanted, and returns those of our networks
// that are in it.
func (s *Speaker) take(r running, steps []step) (State, []netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.demand.retired {
		if _, there := r.networks[p]; !there {
			delete(s.demand.retired, p)
		}
	}
	s.status.Unchecked = r.unchecked
	s.status.Announced = announced(s.demand.ours(), r)
	if !s.demand.asked.IsZero() && !s.demand.changed {
		if !s.demand.told || len(steps) > 0 { // else it took no longer than until bgpd's answer
			s.status.Took = time.Since(s.demand.asked)
		}
		s.demand.asked, s.demand.told = time.Time{}, false
	}
	if len(s.demand.want) > 0 {
		return Announced, s.status.Announced
	}
	return Standby, s.status.Announced
}

// failed notes why bgpd could not be spoken to.
func (s *Speaker) failed(err error) {
	s.mu.Lock()
	s.status.Failures++
	s.status.Neighbors = nil
	s.mu.Unlock()
	s.enter(stateOf(err), err)
}

// enter notes a state, and logs it if it is another one.
func (s *Speaker) enter(state State, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	other := state != s.status.State
	if other {
		s.status.State, s.status.Since = state, time.Now()
	}
	s.status.Error = text
	s.mu.Unlock()
	switch {
	case !other:
	case err != nil:
		s.log.Warn("nothing can be announced or withdrawn", "state", state, "error", err)
	default:
		s.log.Info("bgpd is as wanted", "state", state)
	}
}
