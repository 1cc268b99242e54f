package clock

import (
	"fmt"
	"time"
)

// Warnings are sentences about what is wrong, worst first, each with how to mend it.
func (s Status) Warnings() (list []string) {
	if s.Trouble != "" {
		list = append(list, fmt.Sprintf("clock: %s; docs/clock.md has the rights that perch needs", s.Trouble))
	}
	r := s.Reading
	switch {
	case s.Asked == "":
		return list
	case s.Silent != "" && s.Unasked:
		return append(list, fmt.Sprintf("clock: %s leads and cannot be asked for the time: %s", s.Asked, s.Silent))
	case s.Silent != "":
		return append(list, fmt.Sprintf("clock: %s leads and does not serve time (%s): have its chronyd run, with `allow` for this node in its chrony.conf", s.Asked, s.Silent))
	case r.Unsynchronized != "":
		return append(list, fmt.Sprintf("clock: %s leads and does not know the time itself (%s): give its chronyd a source, or `local`", s.Asked, r.Unsynchronized))
	}
	if off := r.Off(); off > s.MaxOffset {
		list = append(list, fmt.Sprintf("clock: this node's is %s %s's, and max_offset is %v: see `chronyc tracking` on both", r, s.Asked, s.MaxOffset))
	}
	if s.inRing() {
		list = append(list, fmt.Sprintf("clock: %s leads and takes its time from this node: take this one out of its chrony.conf", s.Asked))
	}
	return list
}

// unlearned is how long a node that has come to lead may go on to take the time from the one
// before: perch has its chronyd told within some seconds.
const unlearned = time.Minute

// inRing reports whether the leader takes its time from this node. A chronyd that has lost
// its sources goes on to name the last one for hours: what it had from there before it led
// does not count.
func (s Status) inRing() bool {
	from := s.Reading.From
	return from.IsValid() && from == s.View.SelfAddress.Unmap() && s.At.Sub(s.Since)-s.Reading.Age > unlearned
}

// misplaced is what is wrong with a file that could not be written or removed.
func misplaced(file string, err error) string {
	return fmt.Sprintf("%s is not as it should be: %v", file, bare(file, err))
}

// unread is what is wrong with a file that chronyd was not told of.
func unread(file, chronyc string, err error) string {
	return fmt.Sprintf("chronyd does not read %s, as %s reload sources fails: %v", file, chronyc, bare(chronyc, err))
}

// Off is how far the clock is off at least: what the way of the packets may account for is
// not counted.
func (r Reading) Off() time.Duration {
	return max(r.Offset.Abs()-r.RoundTrip/2, 0)
}

// String says how far the clock is off, as in "1.5s ahead of".
func (r Reading) String() string {
	if r.Offset < 0 {
		return Round(r.Offset.Abs()).String() + " behind"
	}
	return Round(r.Offset).String() + " ahead of"
}

// Round leaves of a duration three digits or so, also of the longest: a clock without a
// battery begins in 1970.
func Round(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for unit <= d.Abs()/1000 {
		unit *= 10
	}
	return d.Round(unit)
}
