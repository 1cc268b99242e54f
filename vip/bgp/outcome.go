package bgp

import (
	"net/netip"
	"time"
)

// done notes what bgpd's configuration is now.
func (s *Speaker) done(r running, steps []step) {
	state, left := s.take(r)
	s.enter(state, nil)
	s.keep(left)
	if len(steps) > 0 {
		s.log.Info("told bgpd", "steps", len(steps), "first", steps[0].String(), "announced", len(left))
	}
}

// take takes over a configuration that is as wanted, and returns those of our networks
// that are in it.
func (s *Speaker) take(r running) (State, []netip.Prefix) {
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
		s.status.Took, s.demand.asked = time.Since(s.demand.asked), time.Time{}
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
