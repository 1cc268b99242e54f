package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/perch-vip/perch/cluster/state"
)

// entrant is a node as a possible owner of the VIPs.
type entrant struct {
	peer
	obstacle string // why it could not own whatever its health, such as "is drained"; or ""
}

// explanation says why a node is the owner of the VIPs, or why it is not.
type explanation struct {
	why      string
	heldDown time.Time // until when, or zero
}

// explain explains each node by name, if owner is the owner, "" being nobody.
func explain(now time.Time, owner string, nodes []entrant, history []state.Move) map[string]explanation {
	record, cause := newRecord(now, history), causes(owner, nodes)
	explained := make(map[string]explanation)
	var line []peer
	for _, n := range nodes {
		against := record.against(n.name, cause(n))
		switch {
		case n.name == owner:
			explained[n.name] = explanation{why: n.owns()}
		case n.obstacle != "" || n.current() != well:
			explained[n.name] = explanation{n.whyNot(), against.until}
		case against != holdDown{}:
			why := fmt.Sprintf("held down for %s more: %s", upTo(against.until.Sub(now)), against.why)
			explained[n.name] = explanation{why, against.until}
		default:
			line = append(line, n.peer)
		}
	}
	before := ""
	for _, name := range inOrder(line) {
		i := slices.IndexFunc(line, func(p peer) bool { return p.name == name })
		place := "would be next"
		if before != "" {
			place = "after " + before
		}
		explained[name] = explanation{why: fmt.Sprintf("healthy, priority %d, %s", line[i].priority, place)}
		before = name
	}
	return explained
}

// causes returns by which cause a node would take over.
func causes(owner string, nodes []entrant) func(entrant) string {
	i := slices.IndexFunc(nodes, func(n entrant) bool { return n.name == owner })
	return func(n entrant) string {
		if i >= 0 && nodes[i].health != sick && n.priority > nodes[i].priority {
			return state.CausePreempt
		}
		return state.CauseHealth
	}
}

// ownsThem is said of the owner that there is nothing to say about.
const ownsThem = "owns the VIPs"

func (n entrant) owns() string {
	if n.current() == sick {
		return "owns the VIPs although " + brief(n.reasons)
	}
	return ownsThem
}

// whyNot says what is wrong with a node.
func (n entrant) whyNot() string {
	switch {
	case n.obstacle != "":
		return n.obstacle
	case n.current() == sick:
		return brief(n.reasons)
	case n.age > reportLife:
		return fmt.Sprintf("health unknown: it has not told for %s", n.age.Round(time.Second))
	case len(n.reasons) == 0:
		return "health unknown: it has not told"
	}
	return "no verdict yet: " + brief(n.reasons)
}

// upTo rounds a duration up to what a person wants to read.
func upTo(d time.Duration) string {
	if d <= time.Minute {
		return fmt.Sprintf("%ds", (d+time.Second-1)/time.Second)
	}
	return fmt.Sprintf("%dm", (d+time.Minute-1)/time.Minute)
}
