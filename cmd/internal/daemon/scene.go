package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
)

// most is how many events of a kind come of one look: with a thousand VIPs in trouble the
// rest is counted.
const most = 50

// limited returns no more events than there are to be, the last of which counts the rest.
func limited(list []events.Event) []events.Event {
	if len(list) <= most {
		return list
	}
	rest := events.Event{Kind: list[0].Kind, Reason: fmt.Sprintf("and %d more", len(list)-most+1)}
	return append(list[:most-1:most-1], rest)
}

// troubles are what is amiss at the moment, by subject, in words.
type troubles map[string]string

// news returns what has come since before, and what has gone, by subject. That it is put in
// other words is no news.
func (now troubles) news(before troubles, came, gone events.Kind, looked func(subject string) bool) []events.Event {
	var begun []events.Event
	for _, subject := range slices.Sorted(maps.Keys(now)) {
		if _, known := before[subject]; !known {
			begun = append(begun, events.Event{Kind: came, Subject: subject, Error: now[subject]})
		}
	}
	return slices.Concat(now.mended(before, gone, looked), limited(begun))
}

// mended returns what has gone since before. What is not looked at any more has not become
// well.
func (now troubles) mended(before troubles, gone events.Kind, looked func(subject string) bool) (over []events.Event) {
	for _, subject := range slices.Sorted(maps.Keys(before)) {
		if _, still := now[subject]; still {
			continue
		}
		e := events.Event{Kind: gone, Subject: subject}
		if !looked(subject) {
			e.Reason = "it is not configured any more"
		}
		over = append(over, e)
	}
	return limited(over)
}

// always is of what is looked at as long as there is a daemon.
func always(string) bool { return true }

// counts are how often something has happened, by subject, and what to say of the last time.
type counts map[string]tally

type tally struct {
	times uint64
	last  string
}

// news returns what has happened since before.
func (now counts) news(before counts, kind events.Kind) []events.Event {
	var list []events.Event
	for _, subject := range slices.Sorted(maps.Keys(now)) {
		n, was := now[subject], before[subject].times
		if n.times <= was {
			continue
		}
		e := events.Event{Kind: kind, Subject: subject, Error: n.last}
		if more := n.times - was; more > 1 {
			e.Reason = fmt.Sprintf("%d times", more)
		}
		list = append(list, e)
	}
	return limited(list)
}

// assembly is how the cluster stands.
type assembly struct {
	leader  string
	term    uint64
	quorum  bool
	members map[string]string // addresses and votes, by name
	health  string            // of this node
}

// news returns what is different from before.
func (g assembly) news(cluster string, before assembly) (list []events.Event) {
	e := events.Event{Subject: cluster, Term: g.term}
	add := func(kind events.Kind, from, to string) {
		e := e
		e.Kind, e.From, e.To = kind, from, to
		list = append(list, e)
	}
	switch {
	case g.leader == before.leader && (g.leader == "" || g.term == before.term):
	case g.leader == "":
		add(events.LeaderLost, before.leader, "")
	default:
		add(events.LeaderKnown, before.leader, g.leader)
	}
	switch {
	case g.quorum && !before.quorum:
		add(events.QuorumGained, "", "")
	case before.quorum && !g.quorum:
		add(events.QuorumLost, "", "")
	}
	if g.health != before.health {
		add(events.HealthChanged, before.health, g.health)
	}
	return append(list, g.membership(before)...)
}

// membership returns who has come and gone. The members that a node begins with are no news.
func (g assembly) membership(before assembly) (list []events.Event) {
	if len(before.members) == 0 || len(g.members) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(g.members)) {
		was, known := before.members[name]
		switch now := g.members[name]; {
		case !known:
			list = append(list, events.Event{Kind: events.MemberAdded, Subject: name, To: now})
		case was != now:
			list = append(list, events.Event{Kind: events.MemberChanged, Subject: name, From: was, To: now})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.members)) {
		if _, still := g.members[name]; !still {
			list = append(list, events.Event{Kind: events.MemberRemoved, Subject: name, From: before.members[name]})
		}
	}
	return list
}

// drainedOf returns what is new of who is drained.
func drainedOf(now, before []string) (list []events.Event) {
	for _, name := range now {
		if !slices.Contains(before, name) {
			list = append(list, events.Event{Kind: events.NodeDrained, Subject: name})
		}
	}
	for _, name := range before {
		if !slices.Contains(now, name) {
			list = append(list, events.Event{Kind: events.NodeUndrained, Subject: name})
		}
	}
	return list
}

// addressing is how VIPs are in the kernel, and what others do to them.
type addressing struct {
	known     map[string]bool
	trouble   troubles
	conflicts troubles
	readded   counts
}

func (a addressing) news(before addressing) []events.Event {
	looked := func(subject string) bool { return a.known[subject] }
	return slices.Concat(
		a.readded.news(before.readded, events.VIPReadded),
		a.conflicts.news(before.conflicts, events.VIPConflict, events.VIPConflictEnded, looked),
		a.trouble.news(before.trouble, events.VIPTrouble, events.VIPMended, looked),
	)
}

// droppedOf returns how much targets were not told of, since there was newer.
func droppedOf(list []api.Notified) counts {
	dropped := counts{}
	for i := range list {
		n := &list[i]
		dropped[n.Target] = tally{times: dropped[n.Target].times + n.Dropped}
	}
	return dropped
}

// speaking returns what is amiss with BGP: of bgpd, whose subject is "bgpd", and of its
// neighbors.
func speaking(s *api.BGP) (daemon, neighbors troubles) {
	daemon, neighbors = troubles{}, troubles{}
	if s == nil {
		return daemon, neighbors
	}
	if s.Error != "" {
		daemon["bgpd"] = s.Error
	}
	for i := range s.Neighbors {
		if n := &s.Neighbors[i]; !n.Up {
			neighbors[n.Address] = "it is " + n.State
		}
	}
	return daemon, neighbors
}

// warned returns warnings by what stays the same in them while they stand, which durations
// do not.
func warned(warnings []string) troubles {
	t := troubles{}
	for _, w := range warnings {
		words := strings.Fields(w)
		for i, word := range words {
			if _, err := time.ParseDuration(strings.Trim(word, ",;:.()")); err == nil {
				words[i] = "…"
			}
		}
		t[strings.Join(words, " ")] = w
	}
	return t
}

// raised returns events of warnings, which are in their own words.
func raised(now, before troubles) []events.Event {
	list := now.news(before, events.WarningRaised, events.WarningGone, always)
	for i := range list {
		e := &list[i]
		if text, known := now[e.Subject]; known {
			e.Reason = text
		} else if text, known := before[e.Subject]; known {
			e.Reason = text
		}
		e.Subject, e.Error = "", ""
	}
	return list
}
