package daemon

import "time"

// Every part that the VIPs need shows that it gets on by a number, its beat: odd while it
// is at work, even while it rests, and another one after each thing that it has done. A
// part that rests may do so for as long as it likes; one that is to come round time and
// again is at work always.

// silenceLimit is for how long a part may be at one thing.
const silenceLimit = 2 * time.Second

// beatEvery is how often the beats are looked at.
const beatEvery = 200 * time.Millisecond

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

// look takes the beats, some time after the last look, and returns the first part that has
// been silent for too long, or "".
func (v *vigil) look(beats []reading, passed time.Duration) (part string) {
	for _, r := range beats {
		last, known := v.last[r.part]
		if resting := r.beat%2 == 0; resting || !known || r.beat != last {
			v.last[r.part], v.silent[r.part] = r.beat, 0
			continue
		}
		v.silent[r.part] += witnessed(passed)
		if part == "" && v.silent[r.part] >= silenceLimit {
			part = r.part
		}
	}
	return part
}

// witnessed is how much counts of the time since the last look.
func witnessed(passed time.Duration) time.Duration { return min(passed, 2*beatEvery) }
