package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Passage is how the ways to a prefix were over some time.
type Passage struct {
	Ways  []Ways // one at least, oldest first; the last ones were there until the end
	Until time.Time
}

// Ways are the hosts by which a prefix was routed from a moment on, in the order of the
// lab's hosts; none if it was not routed.
type Ways struct {
	At  time.Time
	Via []*Host
}

// follow adds a change to ways, unless it is none.
func follow(ways []Ways, next Ways) []Ways {
	if n := len(ways); n > 0 && slices.Equal(ways[n-1].Via, next.Via) {
		return ways
	}
	return append(ways, next)
}

// passage cuts ways to what was so from a moment on.
func passage(ways []Ways, from, until time.Time) Passage {
	later := slices.Clone(ways)
	for len(later) > 1 && !later[1].At.After(from) {
		later = later[1:]
	}
	if len(later) > 0 && later[0].At.Before(from) {
		later[0].At = from
	}
	return Passage{Ways: later, Until: until}
}

// during returns how long something was so, all in all.
func (p Passage) during(is func(via []*Host) bool) (sum time.Duration) {
	for i, ways := range p.Ways {
		end := p.Until
		if i+1 < len(p.Ways) {
			end = p.Ways[i+1].At
		}
		if is(ways.Via) {
			sum += end.Sub(ways.At)
		}
	}
	return sum
}

// Without returns for how long there was no way, all in all.
func (p Passage) Without() time.Duration {
	return p.during(func(via []*Host) bool { return len(via) == 0 })
}

// Shared returns for how long there were several ways, all in all.
func (p Passage) Shared() time.Duration {
	return p.during(func(via []*Host) bool { return len(via) > 1 })
}

// Broken returns whether there was no way for a moment, however short.
func (p Passage) Broken() bool {
	return slices.ContainsFunc(p.Ways, func(w Ways) bool { return len(w.Via) == 0 })
}

// Begin returns when the host was first on a way.
func (p Passage) Begin(h *Host) (at time.Time, ok bool) {
	i := slices.IndexFunc(p.Ways, func(w Ways) bool { return slices.Contains(w.Via, h) })
	if i < 0 {
		return time.Time{}, false
	}
	return p.Ways[i].At, true
}

// End returns since when the host has been on no way, up to the end.
func (p Passage) End(h *Host) (at time.Time, ok bool) {
	for i := len(p.Ways) - 1; i >= 0 && !slices.Contains(p.Ways[i].Via, h); i-- {
		at, ok = p.Ways[i].At, true
	}
	return at, ok
}

// String returns the ways with their times since the first.
func (p Passage) String() string {
	var parts []string
	for _, ways := range p.Ways {
		at := ways.At.Sub(p.Ways[0].At).Round(10 * time.Microsecond)
		parts = append(parts, fmt.Sprintf("%s by %s", at, hostNames(ways.Via)))
	}
	return strings.Join(parts, ", ")
}

// hostNames also names what is no host of the lab.
func hostNames(hosts []*Host) []string {
	names := []string{}
	for _, h := range hosts {
		if h == nil {
			names = append(names, "a stranger")
			continue
		}
		names = append(names, h.Name)
	}
	return names
}
