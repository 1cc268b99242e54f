package vrrpnet

// enlarge returns notes with room for so many routers. It is nil if there is room, or if
// the kernel does not have or permit what it takes: then each advert wakes the loop.
func (e *Engine) enlarge(routers int) *notes {
	if e.room < 0 || routers <= e.room {
		return nil
	}
	next, err := newNotes(routers)
	if err != nil {
		e.log.Info("adverts that say nothing new wake the process, too, which costs processor time", "error", err)
		e.room = -1
		return nil
	}
	e.room = len(next.notes)
	return next
}

// adopt has all runners use other notes, and returns those of before. Until the filters
// are others, too, they pass all.
func (e *Engine) adopt(next *notes) (old *notes) {
	if next == nil {
		return nil
	}
	for _, r := range e.runners {
		e.unlearn(r)
		r.absorption = nil
	}
	for _, rc := range e.receivers {
		rc.told = nil
		e.outdate(rc)
	}
	old, e.notes = e.notes, next
	return old
}

// takeNotes gives a receiver a filter that takes notes, and tells whether it did.
func (e *Engine) takeNotes(rc *receiver) bool {
	if e.notes == nil || rc.kind.protocol != protocolVRRP {
		return false
	}
	err := e.tellOwners(rc)
	if err == nil && rc.filter != e.notes {
		err = e.notes.attach(rc.fd, rc.kind.ipv6)
		rc.filter = e.notes
	}
	if err == nil {
		return true
	}
	rc.filter = nil
	for _, runners := range rc.runners {
		for _, r := range runners {
			e.release(r)
		}
	}
	return false
}

// tellOwners says whose note is for which VRID. Where several routers have the same one
// there is none.
func (e *Engine) tellOwners(rc *receiver) (err error) {
	if rc.told == nil {
		rc.told = map[uint8]uint32{}
		if rc.cookie, err = cookieOf(rc.fd); err != nil {
			return err
		}
	}
	for i, runners := range rc.runners {
		vrid, index := uint8(i), noNote
		known, told := rc.told[vrid]
		switch len(runners) {
		case 0:
			if told {
				e.notes.untell(rc.cookie, vrid)
				delete(rc.told, vrid)
			}
			continue
		case 1:
			index = e.assign(rc, runners[0])
		default:
			for _, r := range runners {
				e.release(r)
			}
		}
		if told && known == index {
			continue
		}
		if err := e.notes.tell(rc.cookie, vrid, index); err != nil {
			return err
		}
		rc.told[vrid] = index
	}
	return nil
}

// assign gives a runner a note if it has none, and returns which.
func (e *Engine) assign(rc *receiver, r *runner) (index uint32) {
	if r.absorption != nil {
		return r.absorption.index
	}
	free := e.notes.free
	if len(free) == 0 {
		return noNote
	}
	index, e.notes.free = free[len(free)-1], free[:len(free)-1]
	n := &e.notes.notes[index]
	r.absorption = &absorption{note: n, index: index, at: rc, read: n.passed()}
	return index
}

// release takes a runner's note away.
func (e *Engine) release(r *runner) {
	a := r.absorption
	if a == nil {
		return
	}
	e.unlearn(r)
	r.absorption = nil
	vrid := r.Wire.VRID
	if e.notes.tell(a.at.cookie, vrid, noNote) == nil { // else its filter sees that it is another's
		a.at.told[vrid] = noNote
	}
	e.notes.free = append(e.notes.free, a.index)
}

// forgetSocket takes out what was told of a receiver that is closed.
func (e *Engine) forgetSocket(rc *receiver) {
	for vrid := range rc.told {
		e.notes.untell(rc.cookie, vrid)
	}
}
