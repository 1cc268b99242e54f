package cluster

import (
	"net/netip"
	"time"

	"github.com/hashicorp/raft"
)

// Role is a node's part in the raft group.
type Role string

// Roles.
const (
	Leader    Role = "leader"
	Follower  Role = "follower"
	Candidate Role = "candidate"
)

// View is the cluster as this node sees it.
type View struct {
	Role   Role
	Term   uint64
	Leader string // empty when none is known
	// Quorum tells whether a majority stands behind Leader: the own lease runs,
	// or the leader was heard within the last two heartbeat timeouts.
	Quorum bool
	Voters []string
	// Members holds all members, those without a vote among them; empty before this
	// node knows any.
	Members []Member
	// Waiting says what this node waits for before it takes part, or is empty.
	Waiting string
	// Stuck says why the group elects nobody any more, or is empty.
	Stuck string
	// Left tells that it was a member of the group, and is none any more.
	Left bool
	// Trouble says why this node cannot write its log, or is empty.
	Trouble string
	// Stalls are the writes of its log that took longer than a heartbeat timeout.
	Stalls Stalls
}

// Member is a node of the group as raft knows it.
type Member struct {
	Name    string         `json:"name"`
	Address netip.AddrPort `json:"address"`
	Voter   bool           `json:"voter"`
}

func membersOf(r *raft.Raft) []Member { return listMembers(servers(r)) }

func listMembers(servers []raft.Server) []Member {
	var list []Member
	for _, server := range servers {
		address, _ := netip.ParseAddrPort(string(server.Address)) // it was written by perch
		list = append(list, Member{string(server.ID), address, server.Suffrage == raft.Voter})
	}
	return list
}

// View returns how this node sees the cluster.
func (n *Node) View() View {
	r := n.raft.Load()
	if r == nil {
		return View{Role: Follower, Waiting: n.Waiting(), Stuck: n.Stuck(), Left: n.left.Load()}
	}
	leader, term := leaderOfTerm(r)
	view := View{
		Role: Follower, Term: term, Leader: string(leader), Voters: voters(r), Members: membersOf(r),
		Trouble: n.store.lastTrouble(), Stalls: n.store.stalled(), Waiting: n.Waiting(), Stuck: n.Stuck(), Left: n.left.Load(),
	}
	switch state := r.State(); {
	case state == raft.Leader:
		view.Role = Leader
		view.Quorum = n.leased(r)
	case state == raft.Candidate && n.member.Load():
		view.Role = Candidate
	default:
		view.Quorum = leader != "" && time.Since(r.LastContact()) < 2*n.cfg.Heartbeat
	}
	return view
}

// seat is what *raft.Raft says of who leads.
type seat interface {
	CurrentTerm() uint64
	LeaderWithID() (raft.ServerAddress, raft.ServerID)
}

// leaderOfTerm returns the leader and the term in which it leads: the library forgets the leader
// before it takes note of a new term.
func leaderOfTerm(r seat) (raft.ServerID, uint64) {
	for {
		term := r.CurrentTerm()
		if _, leader := r.LeaderWithID(); r.CurrentTerm() == term {
			return leader, term
		}
	}
}

// leased tells whether the lease runs, whether or not the VIPs are held.
func (n *Node) leased(r *raft.Raft) bool {
	return n.leasedBy(r.CurrentTerm(), voters(r))
}

// leasedBy tells whether the lease of term runs if these are the voters.
func (n *Node) leasedBy(term uint64, voting []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	return now < n.leaseEnd(term, voting, now)
}
