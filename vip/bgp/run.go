package bgp

import (
	"context"
	"errors"
	"slices"
	"time"
)

// How often bgpd is asked while nothing changes.
const (
	neighborsEvery = time.Second
	timersEvery    = 10 * time.Second
)

// endLimit is for how long a slow bgpd is told the last demand, lingering included. What it
// is not told is taken out at the next start; the addresses have gone, and with them the
// routes.
const endLimit = lingerFor + 2*time.Second

// errEnd says that bgpd was too slow at the end.
var errEnd = errors.New("not all was withdrawn before the end")

// speech is the state of the conversation with bgpd.
type speech struct {
	vty     vty     // nil while there is none
	known   running // what bgpd's configuration was when it was looked at last; without an instance if that is not known
	backoff backoff
	retry   time.Time // before this bgpd is left alone, unless something else is wanted
	look    time.Time // when the configuration is due to be looked at
	ask     time.Time // when the neighbors are
	time    time.Time // when their timers are
	greeted bool      // bgpd has told of its neighbors once
}

// greet closes met the first time.
func (sp *speech) greet(met chan<- struct{}) {
	if !sp.greeted {
		sp.greeted = true
		close(met)
	}
}

// Run keeps bgpd's configuration as it is wanted until ctx ends, and takes out what was
// given up by then, once nothing lingers. It waits for a bgpd that is slow, or does not answer, some
// seconds at most.
func (s *Speaker) Run(ctx context.Context) error {
	s.remember()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.record()
	}()
	defer s.finish(written)
	defer s.hangUp()
	defer context.AfterFunc(ctx, s.hurry)()
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

// hurry has Run end soon.
func (s *Speaker) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now().Add(endLimit)
}

func (s *Speaker) isLate(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.last.IsZero() && now.After(s.last)
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
		changed, sp.ask, sp.time = true, now, now
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
		s.foresee()
	}
	if !now.Before(sp.time) {
		if err := s.clock(); err != nil {
			return err
		}
		sp.time = now.Add(timersEvery)
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
		s.speech.vty, s.speech.known = nil, running{}
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
	s.speech.greet(s.met)
	return nil
}

// clock asks for how long the neighbors hold a session. A bgpd that does not know it does no
// harm. While no session is established the last answer counts.
func (s *Speaker) clock() error {
	text, err := ask(s.speech.vty, "show bgp neighbors json")
	if errors.Is(err, errRefused) {
		return nil
	}
	if err != nil {
		return err
	}
	hold, err := parseHold(text)
	if err != nil {
		s.log.Debug("hold times", "error", err)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.status.Neighbors, Neighbor.Up) {
		s.status.Hold = hold
	}
	return nil
}
