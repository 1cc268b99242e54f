package main

import (
	"fmt"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// renderEvent draws an event in one line, by the zone of the view's time.
func renderEvent(e *events.Event, v view) string {
	when := e.Time.In(v.now.Location()).Format("2006-01-02 15:04:05.000")
	line := fmt.Sprintf("%s  %5d  ", when, e.Number) + v.paint(fmt.Sprintf("%-18s", clean(string(e.Kind))), styleOf(e.Kind))
	for _, part := range []string{e.Subject, movement(e), e.Reason, e.Error} {
		if part != "" {
			line += "  " + clean(part)
		}
	}
	return strings.TrimRight(line, " ") + "\n"
}

// movement is from where to where something went, and in which term.
func movement(e *events.Event) string {
	var parts []string
	switch {
	case e.From != "" && e.To != "":
		parts = append(parts, e.From+" → "+e.To)
	case e.To != "":
		parts = append(parts, "→ "+e.To)
	case e.From != "":
		parts = append(parts, e.From+" →")
	}
	if e.Term > 0 {
		parts = append(parts, fmt.Sprintf("term %d", e.Term))
	}
	return strings.Join(parts, ", ")
}

// styleOf is how a kind is shown; those that are neither good nor bad are plain, as are
// those of a later version.
func styleOf(kind events.Kind) style {
	switch kind {
	case events.OwnershipGained, events.OwnershipMoved, events.TransferDone, events.QuorumGained, events.LeaderKnown,
		events.VIPMended, events.VIPConflictEnded, events.FenceWhole, events.CheckUp, events.ServerUp, events.QuorumUp,
		events.IPVSMended, events.BGPUp, events.NeighborUp, events.NotifyMended, events.WarningGone:
		return good
	case events.QuorumLost, events.LeaderLost, events.TransferFailed, events.ConfigRefused, events.VIPTrouble, events.VIPConflict,
		events.FenceBroken, events.CheckDown, events.ServerDown, events.QuorumDown, events.IPVSTrouble, events.BGPDown,
		events.NeighborDown, events.NotifyFailed:
		return bad
	case events.OwnershipReleased, events.WarningRaised, events.VIPReadded, events.FenceMended, events.NotifyDropped,
		events.RouterRival, events.NewRun, events.Gap:
		return doubtful
	}
	return plain
}
