package daemon

import "time"

// Every part that the VIPs need shows that it gets on by a number, its beat: odd while it
// is at work, even while it rests, and another one after each thing that it has done. A
// part that rests may do so for as long as it likes; one that is to come round time and
// again is at work always.

// silenceLimit is for how long a part may be at one thing.
const silenceLimit = 2 * time.Second

// beatEvery is how often the beats are looked at.
const beatEvery = 400 * time.Millisecond

// doubtAfter is how long a part has to be silent before it is asked whether it could get on, which
// takes reading two files of each thread: longer than a part that comes round time and again may
// be between two turns (idle). What it has been silent for until then counts, and one look more.
const doubtAfter = 2 * beatEvery

// leastShare is the part of the time that counts whatever the machine does, so that what
// hangs is found on a busy one, too: within 20 s.
const leastShare = 10

// reading is the beat of a part.
type reading struct {
	part string
	beat uint64
}

// vigil knows for how long each part has been silent. It counts the time in which it was
// there to look: all of a process stands still when it is stopped, traced or suspended, and
// no part is at fault for that.
type vigil struct {
	last   map[string]uint64        // beat of each part
	silent map[string]time.Duration // since which it is the same
}

func newVigil() *vigil {
	return &vigil{last: map[string]uint64{}, silent: map[string]time.Duration{}}
}

// look takes the beats, some time after the last look, of which a thread had to wait for
// waited. It returns the first part that has been silent for too long, or "".
func (v *vigil) look(beats []reading, passed, waited time.Duration) (part string) {
	for _, r := range beats {
		last, known := v.last[r.part]
		if resting := r.beat%2 == 0; resting || !known || r.beat != last {
			v.last[r.part], v.silent[r.part] = r.beat, 0
			continue
		}
		v.silent[r.part] += counted(passed, waited)
		if part == "" && v.silent[r.part] >= silenceLimit {
			part = r.part
		}
	}
	return part
}

// doubts tells whether a part has been silent for so long that it matters whether it could
// get on.
func (v *vigil) doubts() bool {
	for _, silent := range v.silent {
		if silent >= doubtAfter {
			return true
		}
	}
	return false
}

// counted is what a part has to answer for of the time since the last look.
func counted(passed, waited time.Duration) time.Duration {
	seen := witnessed(passed)
	return max(seen-waited, seen/leastShare)
}

// turn is what the kernel says of a thread: for how long it has run, and has waited for a
// processor, both since it began, and whether it waits for that now, or for a disk, for memory
// or for a lock of the kernel.
type turn struct {
	ran, waited time.Duration
	waits       bool
}

// longestWait is for how long, of the time since the threads were as before, one of them could
// not get on, though it was to.
func longestWait(before, now map[string]turn, passed time.Duration) (longest time.Duration) {
	for id, t := range now {
		was, known := before[id]
		if !known {
			continue
		}
		waited := t.waited - was.waited
		if t.waits && t.ran == was.ran {
			waited = passed
		}
		longest = max(longest, waited)
	}
	return min(longest, passed)
}

// witnessed is how much there was to see of the time since the last look.
func witnessed(passed time.Duration) time.Duration { return min(passed, 2*beatEvery) }
