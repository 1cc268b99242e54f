package vrrp

import (
	"net/netip"
	"time"
)

// Repeat is an advert that was heeded. Its bytes may come in again and again.
type Repeat struct{ sender Sender } // as Record has left it

// Repeat returns the advert that was judged and recorded last. It is false if not each
// packet with the same bytes, destination and TTL is judged alike, for as long as neither
// Reconfigure nor SetSource is called: then it was refused, or signed so that it counts once.
func (w *Wire) Repeat() (Repeat, bool) {
	if w.in.drop != 0 || w.ah != nil || w.keys != nil {
		return Repeat{}, false
	}
	return Repeat{*w.heard.sender(w.in.Src)}, true
}

// From is who has sent it, and Priority and Interval are what it says.
func (r *Repeat) From() netip.Addr        { return r.sender.Address }
func (r *Repeat) Priority() uint8         { return r.sender.Priority }
func (r *Repeat) Interval() time.Duration { return r.sender.Interval }

// RecordRepeats does what Judge and Record would have done had they been called so many
// times with the same bytes, the last time at last, and wall by the time of day.
func (w *Wire) RecordRepeats(r *Repeat, times uint64, last time.Duration, wall time.Time) {
	from := r.sender.Address
	w.peer(from).forms.hear(r.sender.Form, wall)
	w.heard.refused[0] += times
	s := w.heard.sender(from)
	was := *s
	*s = r.sender
	s.Heeded, s.Refused, s.reported, s.said = was.Heeded+times, was.Refused, was.reported, was.said
	s.Last = last
}

// never is later than any time.
const never = time.Duration(1) << 62

// Settled tells whether this is a backup for which such an advert does nothing but put off
// its deadline, whenever it is heard, until something else happens to it.
func (r *Router) Settled(now time.Duration, from netip.Addr, priority uint8, interval time.Duration) bool {
	return r.state == Backup &&
		r.unmoved(now, from, priority, interval) && r.unmoved(never, from, priority, interval)
}

func (r *Router) unmoved(at time.Duration, from netip.Addr, priority uint8, interval time.Duration) bool {
	then, want := *r, *r
	then.Hear(at, from, priority, interval)
	want.deadline = at + r.masterDown()
	return then == want
}
