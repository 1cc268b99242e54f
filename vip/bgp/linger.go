package bgp

import (
	"errors"
	"net/netip"
	"time"
)

// How long networks stay announced that are given up in a planned move: until routers
// have heard of the next owner. The placeholder ends by itself a little later.
const (
	lingerFor       = time.Second
	placeholderLife = 2 * time.Second
)

// patience is how long a planned move waits for its placeholder. That of a thousand networks
// takes 50 ms.
const patience = 250 * time.Millisecond

// closer ends something.
type closer interface{ Close() error }

// ErrNotLingering says that networks which are given up are withdrawn at once.
var ErrNotLingering = errors.New("a planned move may leave routers without a route for a moment")

// Linger prepares for a planned move: the networks that are announced now make way for any
// other's, and those of them that are given up within the next second stay announced until
// it is over. Routers so have a route until they have heard of the next owner. It takes some
// milliseconds, a quarter of a second at most, and never waits for bgpd.
//
// A process that is frozen then leaves a route that nobody uses: zebra 8.4 does not hear that
// the kernel has let a placeholder's IPv6 address go.
func (s *Speaker) Linger() error {
	s.mu.Lock()
	list := inOrder(s.demand.want)
	s.mu.Unlock()
	if len(list) == 0 || s.opts.Settle == 0 {
		return nil
	}
	held, err := s.prepare(list)
	if err != nil {
		return errors.Join(ErrNotLingering, err)
	}
	s.mu.Lock()
	old := s.held
	s.held = held
	s.demand.linger(list, time.Now())
	s.stir()
	s.mu.Unlock()
	end(old)
	return nil
}

// errLate says that the kernel is busy, or stuck.
var errLate = errors.New("the kernel takes too long to make a placeholder")

// prepare makes a placeholder. A kernel that takes long for it does not keep the move back:
// what it makes then ends at once.
func (s *Speaker) prepare(list []netip.Prefix) (closer, error) {
	type outcome struct {
		held closer
		err  error
	}
	made := make(chan outcome, 1)
	go func() {
		held, err := s.hold(list, placeholderLife)
		made <- outcome{held, err}
	}()
	select {
	case o := <-made:
		return o.held, o.err
	case <-time.After(patience):
		go func() { end((<-made).held) }()
		return nil, errLate
	}
}

// Stay takes Linger back for what has not been given up: the move came to nothing. What has
// been lingers on, since another node than the one that was to may have won.
func (s *Speaker) Stay() {
	s.mu.Lock()
	var held closer
	if s.demand.stay(); len(s.demand.moving) == 0 {
		held = s.leave()
	}
	s.stir()
	s.mu.Unlock()
	end(held)
}

// leave ends a planned move, and returns the placeholder that is to be closed. The caller
// holds mu.
func (s *Speaker) leave() closer {
	s.demand.until, s.demand.moving = time.Time{}, nil
	held := s.held
	s.held = nil
	return held
}

// end closes a placeholder, if there is one. The kernel takes its time for that.
func end(held closer) {
	if held != nil {
		_ = held.Close() // it ends by itself, too
	}
}

// tidy ends what lingers no more, and returns when that is due; zero if nothing lingers.
func (s *Speaker) tidy(now time.Time) time.Time {
	s.mu.Lock()
	if until := s.demand.until; until.IsZero() || now.Before(until) {
		s.mu.Unlock()
		return until
	}
	if len(s.demand.moving) > 0 {
		s.stir()
	}
	held := s.leave()
	s.mu.Unlock()
	end(held)
	return time.Time{}
}

// linger begins a planned move of networks.
func (d *demand) linger(list []netip.Prefix, now time.Time) {
	d.until = now.Add(lingerFor)
	if d.moving == nil {
		d.moving = set{}
	}
	for _, p := range list {
		if _, wanted := d.want[p]; wanted {
			d.moving[p] = struct{}{}
		}
	}
}

// stay ends it for the networks that are still wanted, which are announced as before.
func (d *demand) stay() {
	for p := range d.want {
		delete(d.moving, p)
	}
}
