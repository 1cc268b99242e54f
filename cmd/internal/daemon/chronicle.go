package daemon

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/events"
	"github.com/perch-vip/perch/cmd/internal/notify"
)

// What happens is recorded where it is done, by what is below, or seen by the lookout.

// recordChange records that the VIPs of the cluster have come or gone.
func (d *daemon) recordChange(c change) {
	e := events.Event{Subject: d.config().Cluster.Name, Term: c.term}
	switch c.held {
	case all:
		e.Kind, e.To = events.OwnershipGained, d.name()
	case none:
		e.Kind, e.From = events.OwnershipReleased, d.name()
		e.Reason = cmp.Or(c.why, "this node hands over, or another one may own")
	default:
		return
	}
	d.events.Add(e)
}

// recordTransfer records how a planned move begins and ends. A node that does not lead has
// nothing to hand over.
func (d *daemon) recordTransfer(why moveReason, move cluster.Move, transfer func() (string, error)) (winner string, err error) {
	view := d.member.node.View()
	if view.Role != cluster.Leader {
		return transfer()
	}
	e := events.Event{
		Kind: events.TransferBegun, Subject: d.config().Cluster.Name, From: d.name(), Term: view.Term, Reason: move.Reason,
	}
	if len(move.To) == 1 {
		e.To = move.To[0]
	}
	return d.attempts.record(d.events, e, why, transfer)
}

// recordFailure records that a part has failed, for which the daemon ends.
func (d *daemon) recordFailure(err error) {
	d.events.Add(events.Event{Kind: events.DaemonStopping, Error: err.Error()})
}

// recordOutcome records what has become of what was to be told.
func (d *daemon) recordOutcome(o notify.Outcome) { d.unheard.record(d.events, &o) }

// recordEnd records that this node holds nothing any more, and will not.
func (d *daemon) recordEnd() {
	d.events.Close(events.Event{Kind: events.DaemonStopped})
}

// recordReload records what came of a reload.
func (d *daemon) recordReload(r api.ReloadResult, err error) {
	if err != nil {
		d.events.Add(events.Event{Kind: events.ConfigRefused, Reason: "nothing has changed", Error: firstLine(err)})
		return
	}
	n := func(list []string, what string) string { return strconv.Itoa(len(list)) + " " + what }
	d.events.Add(events.Event{Kind: events.ConfigReloaded, Reason: n(r.Added, "VIPs added, ") + n(r.Removed, "removed; ") +
		n(r.Services, "changes of services; ") + n(r.Warnings, "warnings")})
}

// recordNotice records what users are told of: it is what becomes of virtual routers, sync
// groups, services and servers.
func (d *daemon) recordNotice(list ...notify.Event) {
	for i := range list {
		if e, is := noticed(&list[i]); is {
			d.events.Add(e)
		}
	}
}

// noticed returns the event of what users are told of, unless it is recorded otherwise.
func noticed(n *notify.Event) (e events.Event, is bool) {
	e = events.Event{Subject: n.Subject.Name, Reason: n.Reason}
	priority := strconv.Itoa(n.Priority)
	switch n.Subject.About {
	case notify.Router:
		e.Kind, e.From, e.To = events.RouterState, string(n.Before), string(n.Kind)
		switch n.Kind {
		case notify.MasterPriority, notify.BackupPriority:
			e.Kind, e.From, e.To = events.RouterRank, "", priority
		case notify.MasterRxLowerPri:
			e.Kind, e.From, e.To = events.RouterRival, "", ""
			e.Reason = "another master of lower priority was heard"
		}
	case notify.Group:
		e.Kind, e.From, e.To = events.GroupState, string(n.Before), string(n.Kind)
	case notify.Server, notify.Virtual:
		kinds := map[notify.Kind]events.Kind{
			notify.ServerUp: events.ServerUp, notify.ServerDown: events.ServerDown,
			notify.QuorumUp: events.QuorumUp, notify.QuorumDown: events.QuorumDown,
		}
		e.Kind = kinds[n.Kind]
		if n.Subject.Server.IsValid() {
			e.Subject += " " + n.Subject.Server.String()
		}
	}
	return e, e.Kind != ""
}

// firstLine is the first mistake of many.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// outagePrecision is that of an outage in words.
const outagePrecision = 100 * time.Microsecond

// historic returns the event of a move in the history.
func historic(cluster string, m *state.Move) events.Event {
	e := events.Event{Kind: events.OwnershipMoved, Subject: cluster, From: m.From, To: m.To, Term: m.Term, Reason: m.Reason}
	switch outage := m.Outage.For.Round(outagePrecision).String(); m.Known {
	case state.AtMost:
		e.Reason += "; nobody held the VIPs for at most " + outage
	case state.About:
		e.Reason += "; nobody held the VIPs for about " + outage
	}
	return e
}

// moveOf is a move as the API has it.
func moveOf(m state.Move) api.Move {
	return api.Move{
		Time: m.Time, Term: m.Term, From: m.From, To: m.To, Reason: m.Reason, Cause: m.Cause,
		Outage: m.Outage.For, OutageKnown: string(m.Known),
	}
}
