package keepalived

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/document"
	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// Raft is how the virtual routers of a fleet become one cluster.
type Raft struct {
	Stage   Stage
	Cluster string // its name
	Node    string // which of the peers this is; "" for the one that the file or the host name says
	Peers   []Peer // none for those that the file names by unicast_src_ip and unicast_peer
}

// Stage is how far a fleet has come on its way from virtual routers to a cluster.
type Stage string

// The stages, in their order.
const (
	Beside  Stage = "both" // the cluster runs, and owns nothing beside the virtual routers
	Instead Stage = "raft" // the cluster owns what the virtual routers had
)

// Peer is a node of the cluster.
type Peer struct {
	Name     string
	Address  netip.AddrPort
	Priority int // 0 for the default
}

// peerPort is where nodes that the file names listen for each other.
const peerPort = 7400

// errNoPeers says that nothing names the nodes of the cluster.
var errNoPeers = errors.New("no unicast_src_ip and unicast_peer name the nodes: name each by --peer NAME=ADDRESS")

// replaces reports whether no virtual routers are left.
func (r *Raft) replaces() bool { return r != nil && r.Stage == Instead }

// writeCluster says in a [cluster] who its nodes are and how it prefers one.
func (im *importer) writeCluster() error {
	r := im.o.Raft
	peers, self := r.Peers, r.Node
	if len(peers) == 0 {
		var own string
		peers, own = im.peersOfFile()
		self = cmp.Or(self, own)
	}
	if len(peers) == 0 {
		return errNoPeers
	}
	if self != "" && !slices.ContainsFunc(peers, func(p Peer) bool { return p.Name == self }) {
		return fmt.Errorf("--node %q must be one of %s", self, namesOf(peers))
	}
	at := im.clusterPlace()
	if self != "" {
		im.node().Set("name", document.Text(self), at)
	}
	t := im.doc.Table("cluster", at)
	t.Set("name", document.Text(r.Cluster), at)
	t.Set("secret_file", document.Text(im.o.SecretDir+"/secret"), at)
	if r.replaces() {
		im.writePreference(t)
		im.writeTracks(t, &syntax.Statement{}, im.clusterReferences())
	}
	for _, p := range peers {
		e := t.Element("peer", at)
		e.Set("name", document.Text(p.Name), at)
		e.Set("address", document.Text(p.Address.String()), at)
		if p.Priority != 0 {
			e.Set("priority", document.Number(p.Priority), at)
		}
	}
	return nil
}

// clusterPlace is what a message about the cluster names: the first of the virtual routers that
// become one.
func (im *importer) clusterPlace() document.Place {
	if len(im.routing.instances) == 0 {
		return document.Place{}
	}
	return place(im.routing.instances[0].by)
}

// peersOfFile returns the nodes that instances name, in the order of their addresses, and
// which of them this is. It is the same list on all nodes, but for self. With several addresses
// of this node each machine would be several nodes, and the quorum one that never is.
func (im *importer) peersOfFile() (peers []Peer, self string) {
	known := map[netip.Addr]bool{}
	var own said[netip.Addr]
	for _, i := range im.routing.instances {
		switch {
		case !i.source.given() || len(i.peers) == 0:
			continue
		case !own.given():
			own = i.source
			self = nameOf(own.value)
		case i.source.value != own.value:
			im.wrong(i.source.by, fmt.Sprintf("is this node's, and so is %v at %v: name each node by --peer NAME=ADDRESS", own.value, own.by.Position))
		}
		known[i.source.value] = true
		for _, p := range i.peers {
			known[p.address] = true
		}
	}
	addresses := slices.Collect(maps.Keys(known))
	slices.SortFunc(addresses, netip.Addr.Compare)
	for _, a := range addresses {
		peers = append(peers, Peer{Name: nameOf(a), Address: netip.AddrPortFrom(a, peerPort)})
	}
	return peers, self
}

// namesOf lists the peers in a message.
func namesOf(peers []Peer) string {
	names := make([]string, len(peers))
	for i, p := range peers {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// nameOf names a node of which only the address is known.
func nameOf(a netip.Addr) string {
	return "node-" + strings.Trim(strings.NewReplacer(".", "-", ":", "-").Replace(a.String()), "-")
}

// writePreference says which node should have the VIPs.
func (im *importer) writePreference(t *document.Table) {
	var none, delay *syntax.Statement
	for _, i := range im.routing.instances {
		if i.noPreempt.value && none == nil {
			none = i.noPreempt.by
			im.set(t, "preempt", document.Flag(false), none)
		}
	}
	for _, i := range im.routing.instances {
		if d := i.preemptDelay; d.value != 0 && none == nil && delay == nil {
			delay = d.by
			im.set(t, "preempt_delay", document.Duration(d.value), delay)
		}
	}
	im.loseSharing()
	if len(im.o.Raft.Peers) == 0 && len(im.routing.instances) > 0 {
		i := im.routing.instances[0]
		im.remark(firstBy(i.priority.by, i.by), "which node should rather have the VIPs is the priority of each [[cluster.peer]], the same list on all nodes: fill in those of the files of the other nodes")
	}
}

// loseSharing names the first router that another node can be master of than of the first one.
func (im *importer) loseSharing() {
	for _, i := range im.routing.instances {
		first := im.routing.instances[0]
		together := i.group != nil && i.group == first.group
		if i.effectivePriority() != first.effectivePriority() && !together {
			im.lose(firstBy(i.priority.by, i.state.by, i.by), "has these addresses on another node than those of "+quoted(first.title)+", if the priorities there are so",
				"a cluster moves all of them together: for several nodes at work make several clusters, or stay with virtual routers")
			return
		}
	}
}

// clusterReferences are what counts for any of the routers, each once.
func (im *importer) clusterReferences() []reference {
	var all gathered
	for _, i := range im.routing.instances {
		im.merge(&all, i.counting())
	}
	for _, g := range im.routing.groups {
		im.merge(&all, g.references)
	}
	return all.list
}

func (im *importer) merge(all *gathered, more []reference) {
	for _, ref := range more {
		at, listed := all.find(ref.watch)
		switch {
		case !listed:
			all.add(ref)
		case all.list[at].weight != ref.weight:
			im.remark(ref.by, "has another weight for another instance: a cluster has one, which is the first")
		}
	}
}

// writeVIPs says in [[vip]] what the routers had.
func (im *importer) writeVIPs() {
	for _, i := range im.routing.instances {
		comments := im.claim(i.by)
		for _, addresses := range [][]address{i.addresses, i.excluded} {
			for n := range addresses {
				im.writeVIP(i, &addresses[n], comments)
				comments = nil
			}
		}
		im.loseRouter(i)
	}
}

func (im *importer) writeVIP(i *instance, a *address, comments []string) {
	t := im.doc.Element("vip", place(a.by))
	t.Comments = append(comments, im.claim(a.by)...)
	t.Set("address", document.Text(a.prefix.String()), place(a.by))
	iface := a.dev
	if iface == "" {
		iface = i.iface.value
	}
	t.Set("interface", document.Text(iface), place(a.by))
	if a.label != "" || a.broadcast.IsValid() {
		im.lose(a.by, "gives the address a label or broadcast address", "an address of a cluster has none, and needs none to be reached")
	}
	if a.peer.IsValid() || a.home || a.mngTmpAddr {
		im.lose(a.by, "gives the address a peer, home or mngtmpaddr", "an address of a cluster has none: keep those in a [[vrrp]]")
	}
	if a.preferred && a.lifetime != "" {
		im.remark(a.by, "preferred_lft does not count: an IPv6 address of a cluster is deprecated, so that no connection of this node's own comes from it and breaks when it moves")
	}
}

// loseRouter names what a router has and a cluster has not.
func (im *importer) loseRouter(i *instance) {
	if i.noAddress.value && len(i.addresses)+len(i.excluded) == 0 {
		im.remark(i.noAddress.by, "a cluster needs no router for this: its owner is who runs the programs of [[notify]]")
	}
	if i.vmac.given() {
		im.lose(i.vmac.by, "moves a MAC along with the addresses", "a cluster announces the addresses with the owner's own MAC")
	}
	const instead = "a cluster moves addresses: let it stand in [static] on all nodes, or let a [[notify]] of owner and standby make it"
	for n := range i.routes {
		im.lose(i.routes[n].by, "has a route that only the master has", instead)
	}
	for n := range i.rules {
		im.lose(i.rules[n].by, "has a rule that only the master has", instead)
	}
	if i.advert.given() {
		im.remark(i.advert.by, "how soon an owner is missed is cluster.failover, the same on all nodes: 300 ms if nothing is said")
	}
	im.doc.Tail = append(im.doc.Tail, im.rest(i.by.Block)...)
}
