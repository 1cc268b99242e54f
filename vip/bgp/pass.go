package bgp

import (
	"errors"
	"fmt"
	"time"
)

// pass has bgpd's configuration changed to what is wanted.
func (s *Speaker) pass(now time.Time) error {
	s.speech.look = now // until it is done
	if whole, err := s.haste(); !whole {
		return err
	}
	return s.review(now)
}

// haste has done what is wanted now, by what the configuration was when it was looked at
// last: an announcement does not wait until bgpd has written it down anew. Whether that was
// right is for review to see.
func (s *Speaker) haste() (whole bool, err error) {
	known := s.speech.known
	s.speech.known = running{}
	if !known.instance || known.others || !s.isChanged() {
		return true, nil
	}
	want, ours, metric, _ := s.begin()
	r := known.at(metric)
	steps := plan(want, ours, r)
	whole, err = s.tell(hasty(commands(s.opts.ASN, r, s.standings(ours), steps)))
	switch {
	case errors.Is(err, errRefused): // it is another by now
		_, err = ask(s.speech.vty, "end")
		return err == nil, err
	case whole:
		s.answered(steps)
	}
	return whole, err
}

// review compares bgpd's configuration with what is wanted, and has it changed.
func (s *Speaker) review(now time.Time) error {
	begun := time.Now()
	text, err := ask(s.speech.vty, "write terminal")
	if err != nil {
		return err
	}
	cost := time.Since(begun)
	want, ours, metric, next := s.begin()
	r := parseRunning(text, s.opts.ASN, metric)
	if !r.instance {
		return fmt.Errorf("%w: its configuration has no `router bgp %d` in the default VRF", errRefused, s.opts.ASN)
	}
	steps, standings := plan(want, ours, r), s.standings(ours)
	if whole, err := s.tell(commands(s.opts.ASN, r, standings, steps)); !whole {
		return err
	}
	r = r.after(standings, steps)
	s.speech.known = r
	s.done(r, steps)
	s.speech.look = now.Add(pause(cost, len(want)))
	if !next.IsZero() {
		s.speech.look = earlier(s.speech.look, next)
	}
	return nil
}

// tell gives bgpd commands. It stops between two of them when something else is wanted,
// which is next: thousands of networks take a second.
func (s *Speaker) tell(lines []string) (whole bool, err error) {
	for i, line := range lines {
		if s.isChanged() {
			return false, s.leaveOff(lines[:i])
		}
		if s.isLate(time.Now()) {
			return false, errEnd
		}
		if _, err := ask(s.speech.vty, line); err != nil {
			return false, err
		}
	}
	return true, nil
}

// leaveOff has bgpd leave the mode that it is in after some commands.
func (s *Speaker) leaveOff(told []string) error {
	if len(told) == 0 {
		return nil
	}
	_, err := ask(s.speech.vty, "end")
	return err
}

// begin returns what is wanted at this moment.
func (s *Speaker) begin() (want networks, ours set, metric uint32, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand.changed = false
	want, next = s.demand.networks(time.Now(), s.settleIn())
	return want, s.demand.ours(), metricOf(s.demand.term), next
}
