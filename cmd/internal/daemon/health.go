package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// referencesOf returns the uses of checks by some part of a config.
func referencesOf(lists ...[]config.Track) []reference {
	var refs []reference
	for _, t := range slices.Concat(lists...) {
		refs = append(refs, reference{check: t.Check, weight: t.Weight, reverse: t.Reverse})
	}
	return refs
}

// heed has everything follow the verdicts of the checks.
func (d *daemon) heed() {
	d.lookSoon()
	if d.routers != nil {
		d.routers.rank()
	}
	if d.anycast != nil {
		d.anycast.wake()
	}
	if d.member != nil {
		d.member.overseer.wake()
		d.member.teller.wake()
	}
}

// fitness is what the checks make of this node in the cluster.
func (d *daemon) fitness() fitness {
	c := d.config().Cluster
	self, _ := c.Peer(d.name())
	return weigh(self.Priority, referencesOf(c.Track), d.checks.all())
}

// Of the reasons that a node tells: a peer takes no request of any size.
const (
	mostReasons   = 8
	longestReason = 220 // bytes
)

func healthOf(f fitness) api.Health {
	h := api.Health{State: string(f.health), Priority: f.priority}
	for _, reason := range f.reasons[:min(len(f.reasons), mostReasons)] {
		h.Reasons = append(h.Reasons, shortened(reason))
	}
	if more := len(f.reasons) - mostReasons; more > 0 {
		h.Reasons = append(h.Reasons, fmt.Sprintf("%d more checks", more))
	}
	return h
}

func shortened(reason string) string {
	if len(reason) <= longestReason {
		return reason
	}
	return strings.ToValidUTF8(reason[:longestReason], "") + "..."
}

func fitnessOf(h api.Health) fitness {
	return fitness{health: health(h.State), priority: h.Priority, reasons: h.Reasons}
}

// succession is what the decision of this node as the leader depends on, unless it does
// not lead, or may not own the VIPs whatever its health.
func (d *daemon) succession() (s succession, leads bool) {
	m, c := d.member, d.config().Cluster
	now, blocked := time.Now(), d.situation()
	moves := m.sightings.dated(now, m.node.State().History) // whoever leads next has seen them, too
	blocked.leads = m.node.View().Role == cluster.Leader
	if d := decide(blocked); d != hold && d != refrain {
		return succession{}, false
	}
	return succession{
		now:     now,
		self:    peer{name: d.name(), able: true, fitness: d.fitness()},
		peers:   d.peers(m.node.Candidates()),
		moves:   moves,
		preempt: c.Preempt,
		holding: m.holder.holding(),
		release: c.WhenUnhealthy == "release",
		dark:    blocked.dark,
	}, true
}

// peers returns the other nodes with what they have told of their health.
func (d *daemon) peers(able []string) []peer {
	return peersOf(d.roster(), d.name(), able, d.member.hearsay)
}

// peersOf returns the nodes of a roster but for one and the witnesses. Of those that have
// told nothing nothing is known.
func peersOf(roster []config.Peer, self string, able []string, told *hearsay) []peer {
	var peers []peer
	for _, p := range roster {
		if p.Name == self || p.Witness {
			continue
		}
		health, age, known := told.of(p.Name)
		peer := peer{name: p.Name, able: slices.Contains(able, p.Name), age: age, fitness: fitnessOf(health)}
		if !known {
			peer.age, peer.fitness = 0, fitness{health: unsure, priority: p.Priority}
		}
		peers = append(peers, peer)
	}
	return peers
}

// anyone is the order in which a planned move goes to any node: the healthy ones first.
func (d *daemon) anyone() []string { return inOrder(d.peers(nil)) }

// asked returns the move that an operator asks for, to a node or, if it is "", to the
// best one: not to one that is sick, which would hand back at once.
func asked(peers []peer, to, reason string) (cluster.Move, error) {
	move := cluster.Move{Reason: reason}
	var unwell []string
	for _, p := range peers {
		if p.current() == sick && (to == "" || to == p.name) {
			unwell = append(unwell, p.name+" is sick: "+brief(p.reasons))
		}
	}
	switch {
	case to == "" && len(unwell) < len(peers):
		move.To = inOrder(slices.DeleteFunc(slices.Clone(peers), func(p peer) bool { return p.current() == sick }))
	case len(unwell) > 0:
		return cluster.Move{}, api.NotNow(errors.New(strings.Join(unwell, "; ")))
	case to != "":
		move.To = []string{to}
	}
	return move, nil
}

// healthReport is what this node tells the others of its health.
func (d *daemon) healthReport() api.HealthReport {
	return api.HealthReport{Node: d.name(), Health: healthOf(behindFence(d.fitness(), d.fence.Trouble()))}
}

// behindFence is the fitness of a node whose fence is in trouble, if it is. Whoever took
// it for well would hand over to it, and it would give back at once.
func behindFence(f fitness, trouble error) fitness {
	if trouble == nil {
		return f
	}
	why := []string{"its fence does not hold: " + trouble.Error()}
	return fitness{health: sick, priority: f.priority, reasons: slices.Concat(why, f.reasons)}
}

// isSick tells whether a node is, as far as this one knows.
func (d *daemon) isSick(node string) bool {
	if node == d.name() {
		return d.healthReport().Health.State == api.HealthSick
	}
	told, age, known := d.member.hearsay.of(node)
	return known && told.State == api.HealthSick && age <= reportLife
}

// TellHealth implements api.PeerBackend.
func (d peerSide) TellHealth(_ context.Context, r api.HealthReport) error {
	if err := d.known(r.Node); err != nil {
		return err
	}
	if !possible(r.Health) {
		return api.Invalid(fmt.Errorf("health %q with priority %d: is none", r.Health.State, r.Health.Priority))
	}
	if d.member.hearsay.note(r.Node, r.Health) {
		d.member.overseer.wake()
	}
	return nil
}

// possible tells whether a node can be in such a health.
func possible(h api.Health) bool {
	states := []string{api.HealthHealthy, api.HealthSick, api.HealthUnknown}
	return slices.Contains(states, h.State) && h.Priority >= 1 && h.Priority < addressOwner
}
