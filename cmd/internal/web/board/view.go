package board

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// View is what a dashboard shows. Nothing of it is changed.
type View struct {
	Now    time.Time  // in the zone in which times are shown
	Status api.Status // of this node
	// Others are the other nodes, in the order of the status.
	Others []Other
	Moves  []api.Move // of the cluster's VIPs, oldest first
	Events []Event    // the last ones, oldest first
}

// Other is another node as it has shown itself.
type Other struct {
	Node     string
	Overview *api.Overview // the last one; nil if there is none
	Seen     time.Time     // when it came
	Trouble  string        // why there is none, or no newer one; "" if there is
}

// Event is one thing that has happened.
type Event struct {
	Time    time.Time
	Kind    string
	Subject string
	Text    string
}

// party is a node with what it shows of itself.
type party struct {
	*api.Overview
	stale   string // why this is not the latest; "" if it is
	seen    time.Time
	missing string // why there is nothing of it; then Overview is empty
}

// parties returns all nodes, this one first.
func (v *View) parties() []party {
	own := api.OverviewOf(&v.Status)
	all := []party{{Overview: &own}}
	for _, o := range v.Others {
		p := party{Overview: o.Overview, stale: o.Trouble, seen: o.Seen}
		if p.Overview == nil {
			p = party{Overview: &api.Overview{Node: o.Node}, missing: o.Trouble}
		}
		all = append(all, p)
	}
	return all
}
