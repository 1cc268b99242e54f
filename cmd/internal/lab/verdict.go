package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// Reign is the word of a host that it won the election of a term: from then on it may
// speak for the addresses, until a host of a later term does.
type Reign struct {
	Term uint64
	From time.Time
	MAC  MAC
}

// Violation is that two hosts answered for an address: one spoke for it after
// another's first word of a later term, or both answered one question.
type Violation struct {
	Addr     netip.Addr
	Owner    MAC
	Intruder MAC
	Since    time.Time  // the owner's first word
	Until    time.Time  // the intruder's last
	Frames   []Sighting // the owner's first, and the intruder's after it
	Asks     int        // questions that both answered
}

// For is how long two answered.
func (v Violation) For() time.Duration { return v.Until.Sub(v.Since) }

func (v Violation) String() string {
	text := fmt.Sprintf("%s: %s spoke for it until %s after the first word of %s; both answered %d asks", v.Addr, v.Intruder, v.For(), v.Owner, v.Asks)
	for i, s := range v.Frames {
		if i == 20 {
			return text + fmt.Sprintf("\n  and %d more", len(v.Frames)-i)
		}
		text += "\n  " + s.String()
	}
	return text
}

// Judge looks for two that answer in what an Observer saw. Its zero value is ready.
//
// What it knows of terms allows one thing only: that a host which has been followed by
// another speaks again. Without a new term, won before it spoke, it must not.
type Judge struct {
	owners map[netip.Addr]*owner
}

// owner is who spoke for an address last, by right.
type owner struct {
	reign   Reign
	first   Sighting
	answers map[int]Sighting // of this and earlier owners, to the latest asks
}

// Judge returns the violations in sightings, which follow those of earlier calls. The
// reigns are all that there were so far, in any order.
func (j *Judge) Judge(sightings []Sighting, reigns []Reign) []Violation {
	reigns = slices.Clone(reigns)
	sort.Slice(reigns, func(i, j int) bool { return reigns[i].Term < reigns[j].Term })
	if j.owners == nil {
		j.owners = map[netip.Addr]*owner{}
	}
	var found []Violation
	sightings = slices.Clone(sightings)
	sort.SliceStable(sightings, func(i, j int) bool { return sightings[i].At.Before(sightings[j].At) })
	for _, s := range sightings {
		if j.owners[s.Addr] == nil {
			j.owners[s.Addr] = &owner{answers: map[int]Sighting{}}
		}
		j.owners[s.Addr].hear(s, reigns, &found)
	}
	return found
}

func (o *owner) hear(s Sighting, reigns []Reign, found *[]Violation) {
	if s.From != o.reign.MAC || o.reign.Term == 0 {
		next := slices.IndexFunc(reigns, func(r Reign) bool {
			return r.Term > o.reign.Term && r.MAC == s.From && !r.From.After(s.At)
		})
		if next < 0 {
			report(found, o.first, s)
			o.answered(s, found)
			return
		}
		o.reign, o.first = reigns[next], s
	}
	o.answered(s, found)
}

// answered looks whether the question of an answer had another answer.
func (o *owner) answered(s Sighting, found *[]Violation) {
	if s.Kind != Answer {
		return
	}
	before, ok := o.answers[s.Ask]
	if !ok {
		o.answers[s.Ask] = s
		delete(o.answers, s.Ask-2*askers)
		return
	}
	if before.From != s.From {
		report(found, before, s).Asks++
	}
}

// report adds a frame to the violation between its host and the owner, which may be
// new.
func report(found *[]Violation, first, s Sighting) *Violation {
	i := slices.IndexFunc(*found, func(v Violation) bool {
		return v.Addr == s.Addr && (v.Owner == first.From && v.Intruder == s.From || v.Owner == s.From && v.Intruder == first.From)
	})
	if i < 0 {
		i = len(*found)
		*found = append(*found, Violation{Addr: s.Addr, Owner: first.From, Intruder: s.From, Since: first.At, Frames: []Sighting{first}})
	}
	v := &(*found)[i]
	v.Until = s.At
	if last := v.Frames[len(v.Frames)-1]; last != s {
		v.Frames = append(v.Frames, s)
	}
	return v
}
