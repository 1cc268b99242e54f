package daemon

import (
	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/vip"
)

// What the lookout sees of the domain packages.

func assemblyOf(view cluster.View, h health) assembly {
	g := assembly{leader: view.Leader, term: view.Term, quorum: view.Quorum, members: map[string]string{}, health: string(h)}
	if !view.Quorum {
		g.leader = "" // one that is not heard any more
	}
	for _, m := range view.Members {
		g.members[m.Name] = m.Address.String()
		if !m.Voter {
			g.members[m.Name] += " without a vote"
		}
	}
	return g
}

// failing returns the checks that have failed.
func failing(list []checker.Status) troubles {
	t := troubles{}
	for _, s := range list {
		if s.State == checker.Failed {
			t[s.Name] = s.Verdict
		}
	}
	return t
}

func addressingOf(list []vip.Status) addressing {
	a := addressing{known: map[string]bool{}, trouble: troubles{}, conflicts: troubles{}, readded: counts{}}
	for _, s := range list {
		subject := s.VIP.Address.String()
		a.known[subject] = true
		if s.Reason != "" {
			a.trouble[subject] = s.Reason
		}
		if s.Conflict.Ongoing {
			a.conflicts[subject] = "another host, with MAC " + s.Conflict.MAC + ", claims it"
		}
		if s.Readded > 0 {
			a.readded[subject] = tally{times: s.Readded}
		}
	}
	return a
}
