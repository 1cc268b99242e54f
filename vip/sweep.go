package vip

import (
	"cmp"
	"net/netip"
	"time"
)

const (
	// sweepRate is how many announcements a range has in a second, unless its Pace says
	// otherwise: 4,096 addresses have one each within 21 ms.
	sweepRate = 200_000
	// sweepBurst is how many of them are sent in a row at most; at a low rate it is as many as
	// come in a beat. Who gives the range up waits for one of them, and who announces
	// something else for all.
	sweepBurst = 64
	// sweepLag is how far behind its time a sweep may be and still catch up, in bursts.
	sweepLag = 4
)

// sweep is an announcement of all addresses of a range: each as an ARP request, then each
// as a reply, as some neighbours believe only the one, some only the other.
type sweep struct {
	vip   VIP
	addr  netip.Addr // the next
	op    uint16     // arpRequest, then arpReply
	due   time.Time  // of the next burst
	rate  int        // in a second
	share bool       // the rate is that of all that is announced on the interface
	again bool       // another one was asked for meanwhile
}

// start begins from the first address.
func (s *sweep) start() { s.addr, s.op, s.again = s.vip.Address.Addr(), arpRequest, false }

// next returns the next address and its form; false behind the last.
func (s *sweep) next() (addr netip.Addr, op uint16, any bool) {
	if s.op == 0 {
		return netip.Addr{}, 0, false
	}
	addr, op = s.addr, s.op
	s.addr = addr.Next()
	if !s.vip.Address.Contains(s.addr) { // also behind 255.255.255.255
		s.addr, s.op = s.vip.Address.Addr(), s.op+1
		if s.op > arpReply {
			s.op = 0
		}
	}
	return addr, op, true
}

// burst is how many are sent in a row.
func (s *sweep) burst() int { return max(1, min(sweepBurst, s.rate/int(time.Second/beat))) }

// sweeps are those under way. It is pure.
type sweeps struct {
	list []*sweep
	pace func(VIP) Pace // nil for the default
}

// Begin lets a range be announced from now on. One that is under way goes on to its end,
// and is followed by another: to begin anew again and again would never end.
func (s *sweeps) Begin(v VIP, now time.Time) {
	for _, w := range s.list {
		if w.vip == v {
			w.again = true
			return
		}
	}
	rate := 0
	if s.pace != nil {
		rate = s.pace(v).Rate
	}
	w := &sweep{vip: v, due: now, rate: cmp.Or(rate, sweepRate), share: rate > 0}
	w.start()
	s.list = append(s.list, w)
}

// Drop ends the sweep of a range.
func (s *sweeps) Drop(v VIP) {
	for i, w := range s.list {
		if w.vip == v {
			s.list = append(s.list[:i], s.list[i+1:]...)
			return
		}
	}
}

// Deadline returns when a burst is due, false for never.
func (s *sweeps) Deadline() (due time.Time, any bool) {
	for _, w := range s.list {
		if !any || w.due.Before(due) {
			due, any = w.due, true
		}
	}
	return due, any
}

// Take returns the sweep that has been due for longest, nil if none is. Its next burst is
// due by its rate; what is late catches up, but for a part.
func (s *sweeps) Take(now time.Time) *sweep {
	var first *sweep
	for _, w := range s.list {
		if !w.due.After(now) && (first == nil || w.due.Before(first.due)) {
			first = w
		}
	}
	if first != nil {
		pause := time.Duration(first.burst()) * time.Second / time.Duration(first.rate)
		first.due = latest(first.due, now.Add(-sweepLag*pause)).Add(pause)
	}
	return first
}

// Wait has those that share the rate of an interface wait until it is free.
func (s *sweeps) Wait(free map[string]time.Time) {
	for _, w := range s.list {
		if w.share {
			w.due = latest(w.due, free[w.vip.Interface])
		}
	}
}

// Done ends a sweep that has come behind its last address, or begins it anew.
func (s *sweeps) Done(w *sweep) {
	if w.again {
		w.start()
		return
	}
	s.Drop(w.vip)
}
