package bgp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// How often bgpd is asked while nothing changes.
const (
	lookEvery      = 10 * time.Second // whether what is wanted is still there
	neighborsEvery = time.Second
)

// speech is the state of the conversation with bgpd.
type speech struct {
	vty     vty // nil while there is none
	backoff backoff
	retry   time.Time // before this bgpd is left alone, unless something else is wanted
	look    time.Time // when the configuration is due to be looked at
	ask     time.Time // when the neighbors are
}

// Run keeps bgpd's configuration as it is wanted until ctx ends, and takes out what was
// given up by then, once nothing lingers. It waits for a bgpd that does not answer some
// seconds at most.
func (s *Speaker) Run(ctx context.Context) error {
	s.remember()
	var writer sync.WaitGroup
	writer.Go(s.record)
	defer writer.Wait()
	defer close(s.records)
	defer s.hangUp()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			s.end()
			return nil
		case <-s.poke:
		case <-timer.C:
		}
		next := s.turn(time.Now())
		timer.Reset(time.Until(next))
	}
}

// end brings the last demand to bgpd, if it is not there yet, once nothing lingers.
func (s *Speaker) end() {
	if until := s.tidy(time.Now()); !until.IsZero() {
		time.Sleep(time.Until(until))
		s.tidy(until)
	}
	if s.isChanged() && s.speech.vty != nil {
		s.turn(time.Now())
	}
}

func (s *Speaker) isChanged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.demand.changed
}

// turn does what is due, and returns when something is due next.
func (s *Speaker) turn(now time.Time) time.Time {
	sp := &s.speech
	s.tidy(now)
	changed := s.isChanged()
	if !changed && now.Before(sp.retry) {
		return sp.retry
	}
	old := sp.vty != nil
	err := s.speak(now, changed)
	if errors.Is(err, errWedged) && old { // it may only be that bgpd was started anew
		s.hangUp()
		err = s.speak(now, changed)
	}
	if err != nil {
		s.hangUp()
		s.failed(err)
		sp.retry = time.Now().Add(sp.backoff.failed())
		return sp.retry
	}
	sp.backoff.succeeded()
	sp.retry = time.Time{}
	return earlier(sp.look, sp.ask)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// speak has the configuration and the neighbors looked at, as far as that is due.
func (s *Speaker) speak(now time.Time, changed bool) error {
	sp := &s.speech
	if sp.vty == nil {
		if err := s.connect(); err != nil {
			return err
		}
		changed, sp.ask = true, now
	}
	if changed || !now.Before(sp.look) {
		if err := s.pass(now); err != nil {
			return err
		}
	}
	if !now.Before(sp.ask) {
		if err := s.meet(); err != nil {
			return err
		}
		sp.ask = now.Add(neighborsEvery)
	}
	return nil
}

func (s *Speaker) connect() error {
	v, err := s.open()
	if err != nil {
		return err
	}
	s.speech.vty = v
	_, err = ask(v, "enable")
	return err
}

func (s *Speaker) hangUp() {
	if s.speech.vty != nil {
		_ = s.speech.vty.Close() // what may be wrong with it was told
		s.speech.vty = nil
	}
}

// pass compares bgpd's configuration with what is wanted, and has it changed.
func (s *Speaker) pass(now time.Time) error {
	s.speech.look = now // until it is done
	text, err := ask(s.speech.vty, "write terminal")
	if err != nil {
		return err
	}
	r := parseRunning(text, s.opts.ASN)
	want, ours, next := s.begin()
	if !r.instance {
		return fmt.Errorf("%w: its configuration has no `router bgp %d`", errRefused, s.opts.ASN)
	}
	steps := plan(want, ours, r)
	if complete, err := s.tell(commands(s.opts.ASN, r, steps)); !complete {
		return err
	}
	s.done(r.after(steps), steps)
	s.speech.look = now.Add(lookEvery)
	if !next.IsZero() {
		s.speech.look = earlier(s.speech.look, next)
	}
	return nil
}

// tell gives bgpd commands. It stops between two of them when something else is wanted,
// which is next: thousands of networks take a second.
func (s *Speaker) tell(lines []string) (complete bool, err error) {
	for i, line := range lines {
		if s.isChanged() {
			return false, s.leaveOff(lines[:i])
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
func (s *Speaker) begin() (want networks, ours set, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand.changed = false
	want, next = s.demand.networks(time.Now(), s.opts.Settle)
	return want, s.demand.ours(), next
}

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

// meet asks how the neighbors are.
func (s *Speaker) meet() error {
	text, err := ask(s.speech.vty, "show bgp summary json")
	if err != nil {
		return err
	}
	list, err := parseNeighbors(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Neighbors = list
	return nil
}

// remember reads what an earlier run has announced.
func (s *Speaker) remember() {
	list, err := s.ledger.read()
	if err != nil {
		aside := string(s.ledger) + ".corrupt"
		err = errors.Join(err, os.Rename(string(s.ledger), aside))
		s.log.Error("ledger set aside; networks of an earlier run are withdrawn only where they are configured",
			"set_aside", aside, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.demand.retired == nil {
		s.demand.retired = set{}
	}
	for _, p := range list {
		s.demand.retired[p] = struct{}{}
	}
	s.demand.changed = true
}

// keep hands what is announced to the writer of the ledger, in place of what it has not
// taken yet.
func (s *Speaker) keep(list []netip.Prefix) {
	select {
	case <-s.records:
	default:
	}
	s.records <- list
}

// record writes the ledger until there is nothing more to come.
func (s *Speaker) record() {
	var written []netip.Prefix
	known := false
	for list := range s.records {
		if known && slices.Equal(written, list) {
			continue
		}
		if err := s.ledger.write(list); err != nil {
			s.log.Warn("what is announced cannot be remembered", "error", err)
			known = false
			continue
		}
		written, known = list, true
	}
}
