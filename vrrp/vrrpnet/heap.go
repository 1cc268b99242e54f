package vrrpnet

import "time"

// deadlines are runners by when they are to be woken, the soonest first. It is a heap,
// as container/heap has it, without its interfaces.
type deadlines struct{ runners []*runner }

// first returns the runner that is to be woken first, or nil.
func (d *deadlines) first() *runner {
	if len(d.runners) == 0 {
		return nil
	}
	return d.runners[0]
}

// put adds a runner, or moves it if it is there.
func (d *deadlines) put(r *runner, wake time.Duration) {
	r.wake = wake
	if r.queue == d {
		d.down(d.up(r.at))
		return
	}
	r.dequeue()
	r.queue, r.at = d, len(d.runners)
	d.runners = append(d.runners, r)
	d.up(r.at)
}

// dequeue takes a runner out of where it waits.
func (r *runner) dequeue() {
	d := r.queue
	if d == nil {
		return
	}
	at, last := r.at, len(d.runners)-1
	d.swap(at, last)
	d.runners[last] = nil
	d.runners = d.runners[:last]
	r.queue = nil
	if at < last {
		d.down(d.up(at))
	}
}

func (d *deadlines) swap(i, j int) {
	d.runners[i], d.runners[j] = d.runners[j], d.runners[i]
	d.runners[i].at, d.runners[j].at = i, j
}

func (d *deadlines) less(i, j int) bool { return d.runners[i].wake < d.runners[j].wake }

// up moves a runner towards the front, and returns where it is then.
func (d *deadlines) up(i int) int {
	for i > 0 && d.less(i, (i-1)/2) {
		d.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

// down moves a runner towards the end.
func (d *deadlines) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(d.runners) {
			return
		}
		if child+1 < len(d.runners) && d.less(child+1, child) {
			child++
		}
		if !d.less(child, i) {
			return
		}
		d.swap(i, child)
		i = child
	}
}
