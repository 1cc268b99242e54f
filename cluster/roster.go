package cluster

import (
	"net/netip"
	"slices"
	"sort"

	"github.com/hashicorp/raft"
)

// The nodes that a node knows are those of its list, in the config, and the members
// of the group, in raft's latest configuration. The two are the same but while the
// membership changes. Of a node that is on the list the list knows priority and role;
// who votes, and where it is, is the configuration's to say. A node on its way into
// the cluster, and one that hears of no leader and may have been removed, also knows the
// members that others have told it of.

// servers reads the latest configuration.
func servers(r *raft.Raft) []raft.Server {
	future := r.GetConfiguration() // answers from a copy, without the main loop
	if future.Error() != nil {
		return nil
	}
	return future.Configuration().Servers
}

// voters reads the names of the members that vote.
func voters(r *raft.Raft) []string {
	var names []string
	for _, server := range servers(r) {
		if server.Suffrage == raft.Voter {
			names = append(names, string(server.ID))
		}
	}
	return names
}

// asPeer returns what is known of a member. Where it is the group knows better than
// the list, which may be older.
func asPeer(listed []Peer, server raft.Server) Peer {
	p, ok := find(listed, string(server.ID))
	if !ok {
		p = Peer{Name: string(server.ID), Priority: LowestPriority}
	}
	if address, err := netip.ParseAddrPort(string(server.Address)); err == nil {
		p.Address = address
	}
	return p
}

// LowestPriority is that of a member that is not on the list.
const LowestPriority = 1

// members returns the nodes of the latest configuration, or of the list while there
// is none.
func (n *Node) members() []Peer {
	r := n.raft.Load()
	if r == nil {
		return n.cfg.Peers
	}
	var list []Peer
	for _, server := range servers(r) {
		list = append(list, asPeer(n.cfg.Peers, server))
	}
	if len(list) == 0 {
		return n.cfg.Peers
	}
	return list
}

// peers returns all nodes that this one knows, itself included, in the order of
// their names.
func (n *Node) peers() []Peer {
	known := slices.Concat(n.members(), n.cfg.Peers)
	if met := n.met.Load(); met != nil && (!n.member.Load() || n.leader() == "") {
		known = slices.Concat(known, *met)
	}
	sort.SliceStable(known, func(i, j int) bool { return known[i].Name < known[j].Name })
	return slices.CompactFunc(known, func(a, b Peer) bool { return a.Name == b.Name })
}

// peer returns a node that this one knows.
func (n *Node) peer(name string) (Peer, bool) { return find(n.peers(), name) }

// at returns the name of the node that the library calls by an address.
func (n *Node) at(address raft.ServerAddress) string {
	if r := n.raft.Load(); r != nil {
		for _, server := range servers(r) {
			if server.Address == address {
				return string(server.ID)
			}
		}
	}
	for _, p := range n.cfg.Peers {
		if p.Address.String() == string(address) {
			return p.Name
		}
	}
	return ""
}

func find(peers []Peer, name string) (Peer, bool) {
	i := slices.IndexFunc(peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return peers[i], true
}
