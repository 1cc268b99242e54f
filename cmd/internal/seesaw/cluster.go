package seesaw

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

const (
	peerPort   = 7400
	secretFile = "/etc/perch/secret"
	// highest is the highest priority of a peer. Seesaw's is 255.
	highest = 254
)

// head are the comments above all tables.
func (im *importer) head(c *pb.Cluster) []string {
	lines := []string{"What perch import seesaw made of a cluster.pb."}
	if m := c.GetMetadata(); m != nil {
		lines = append(lines, "Last updated there: "+time.Unix(m.GetLastUpdated(), 0).UTC().Format(time.RFC3339))
		for _, a := range m.GetAttribute() {
			lines = append(lines, a.GetName()+": "+a.GetValue())
		}
	}
	end := im.root.comments
	im.root.comments = nil
	lines = append(lines, im.root.said()...)
	im.root.comments = end
	return lines
}

// writeCluster makes a cluster of the nodes.
func (im *importer) writeCluster(c *pb.Cluster) {
	nodes := im.readNodes(c)
	if len(nodes) == 0 {
		return
	}
	t := im.doc.Table("cluster", im.from(im.root.at("seesaw_vip")))
	t.Set("name", document.Text(im.o.Cluster), document.Place{})
	t.Set("secret_file", document.Text(secretFile), document.Place{})
	t.Set("preempt", document.Flag(false), document.Place{}).Remark = "as seesaw_ha without -preempt"
	if len(nodes) == 2 {
		t.Comments = []string{
			"Two nodes are a quorum only together: when one fails, nobody owns a VIP. Add a third",
			"to the list, which may be a small machine that only votes, with witness = true.",
		}
		im.note(nodes[1].field.place, "node", "a Seesaw cluster is a pair, but two nodes are a quorum only together: add a third [[cluster.peer]], which may be a witness")
	}
	im.writePeers(t, nodes)
}

// readNodes reads the nodes that may be Seesaw's master.
func (im *importer) readNodes(c *pb.Cluster) (nodes []host) {
	if len(c.GetNode()) == 0 {
		im.wrong(im.root.place, "node is missing: nobody would own the VIPs")
	}
	status := c.GetSeesawVip().GetStatus()
	if c.GetSeesawVip().Status == nil {
		im.note(im.root.at("seesaw_vip"), "seesaw_vip", "without a status, which ends Seesaw's engine; taken for PRODUCTION")
	}
	used := status == pb.Host_PRODUCTION || status == pb.Host_TESTING || status == pb.Host_BUILDING
	if !used {
		im.note(im.root.at("seesaw_vip"), "status", fmt.Sprintf("with %v no node of Seesaw is the master; in perch one is", status))
	}
	written := im.root.every("node")
	for i, n := range c.GetNode() {
		h := im.readHost(n, written.nth(i))
		switch {
		case used && h.status != status:
			im.note(h.field.at("status"), "node", fmt.Sprintf("%s is left out: as %v, where seesaw_vip is %v, it is never Seesaw's master", h.name, h.status, status))
		case !h.v4.IsValid() && !h.v6.IsValid():
			im.wrong(h.field.place, fmt.Sprintf("node: %s has no address", h.name))
		default:
			nodes = append(nodes, h)
		}
	}
	if len(nodes) == 0 && len(im.mistakes) == 0 {
		im.wrong(im.root.at("node"), fmt.Sprintf("node: none has the status %v of seesaw_vip, so none may own the VIPs", status))
	}
	return nodes
}

// writePeers writes the list of peers.
func (im *importer) writePeers(cluster *document.Table, nodes []host) {
	called, priority := peerNames(nodes), priorities(nodes)
	im.host = called[0]
	for i, n := range nodes {
		t := cluster.Element("peer", im.from(n.field.place))
		t.Comments = n.field.said()
		name := t.Set("name", document.Text(called[i]), im.from(n.field.at("fqdn")))
		if called[i] != n.name {
			name.Remark = n.name
		}
		address, at := n.v4.Addr(), "ipv4"
		if !address.IsValid() {
			address, at = n.v6.Addr(), "ipv6"
		}
		t.Set("address", document.Text(netip.AddrPortFrom(address, peerPort).String()), im.from(n.field.at(at)))
		t.Set("priority", document.Number(priority[i]), im.from(n.field.place))
	}
	im.note(nodes[0].field.at("fqdn"), "fqdn", fmt.Sprintf("a node finds itself by its host name: where hostname does not print %q, set name in [node]", called[0]))
}

// peerNames returns the first labels of the names, as hostname prints them, or whole names where
// these are not different.
func peerNames(nodes []host) []string {
	short, long := make([]string, len(nodes)), make([]string, len(nodes))
	for i, n := range nodes {
		long[i] = n.name
		short[i], _, _ = strings.Cut(n.name, ".")
	}
	if different := slices.Compact(slices.Sorted(slices.Values(short))); len(different) < len(nodes) {
		return long
	}
	return short
}

// priorities returns those that Seesaw gives: the lowest IPv4 address is the first choice.
func priorities(nodes []host) []int {
	order := make([]netip.Addr, len(nodes))
	for i, n := range nodes {
		order[i] = n.v4.Addr()
	}
	slices.SortFunc(order, netip.Addr.Compare)
	found := make([]int, len(nodes))
	for i, n := range nodes {
		if rank := slices.Index(order, n.v4.Addr()); rank > 0 {
			found[i] = max(1, len(nodes)-rank)
		} else {
			found[i] = highest
		}
	}
	return found
}
