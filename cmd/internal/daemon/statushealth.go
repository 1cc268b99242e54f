package daemon

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// health is what a node said of its health, if it did.
func (a answer) health() api.Health {
	if a.report.Health == nil {
		return api.Health{}
	}
	return *a.report.Health
}

// dark tells whether the leader holds nothing because it is sick and no healthy node may take over.
func (s snapshot) dark(answers map[string]answer) bool {
	return s.config.Cluster.WhenUnhealthy == "release" && answers[s.view.Leader].health().State == api.HealthSick
}

// explain has each node say why it is the owner, or why it is not.
func (s snapshot) explain(nodes []api.Node, owner string, answers map[string]answer) {
	var entrants []entrant
	for _, n := range nodes {
		e := entrant{peer: peer{name: n.Name, able: true, fitness: fitnessOf(answers[n.Name].health())}, obstacle: s.obstacle(n)}
		if answers[n.Name].report.Health == nil {
			e.fitness = fitness{health: unsure, priority: n.Priority}
		}
		entrants = append(entrants, e)
	}
	explained := explain(time.Now(), owner, entrants, s.memory.History)
	for i := range nodes {
		n := &nodes[i]
		n.Why, n.HeldDown = explained[n.Name].why, explained[n.Name].heldDown
		if n.Name == owner && explained[n.Name].why == ownsThem {
			n.Why += ": " + s.whyOwner(owner)
		}
	}
}

// obstacle says why a node cannot own VIPs whatever its health, or "".
func (s snapshot) obstacle(n api.Node) string {
	switch {
	case n.Role == api.RoleUnreachable:
		return "does not answer"
	case n.Health != api.HealthSick && n.Error != "":
		return n.Error
	case !n.Voter:
		return "has no vote"
	}
	return s.mayNotOwn(n.Name)
}
