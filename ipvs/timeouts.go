package ipvs

// former are the timeouts as they were before perch set others, to be put back; 0 for
// those that perch did not set.
type former Timeouts

// plan returns what is to be remembered when the kernel has now and want is wanted, and
// what is to be set for that.
func (f former) plan(now, want Timeouts) (next former, change Timeouts) {
	next.TCP, change.TCP = borrow(f.TCP, now.TCP, want.TCP)
	next.TCPFin, change.TCPFin = borrow(f.TCPFin, now.TCPFin, want.TCPFin)
	next.UDP, change.UDP = borrow(f.UDP, now.UDP, want.UDP)
	return next, change
}

func borrow(former, now, want uint32) (next, change uint32) {
	switch {
	case want == 0:
		next, change = 0, former
	case former == 0:
		next, change = now, want
	default:
		next, change = former, want
	}
	if change == now {
		change = 0
	}
	return next, change
}

// until is what is to be remembered until next has come into force: after a crash in
// between, all that may have been set is put back.
func (f former) until(next former) former {
	for _, timeout := range [...]struct {
		next *uint32
		old  uint32
	}{{&next.TCP, f.TCP}, {&next.TCPFin, f.TCPFin}, {&next.UDP, f.UDP}} {
		if *timeout.next == 0 {
			*timeout.next = timeout.old
		}
	}
	return next
}
