package config

import "fmt"

// manyVoters is more than any cluster of VIPs has use for.
const manyVoters = 9

const witnessAdvice = "a peer with witness = true votes but never owns a VIP, so a small machine will do"

// warn remarks on what is allowed and may yet surprise.
func warn(r *report, root *value, d *draft) {
	c := &d.Config
	warnRouters(r, root, c)
	warnGroups(r, root, c)
	warnChecks(r, root, c)
	warnForeign(r, root, &d.Config)
	warnServices(r, root, d)
	warnBGP(r, root, c)
	if c.Cluster == nil {
		return
	}
	cluster := root.child("cluster")
	if c.Cluster.Insecure {
		v := cluster.child("insecure")
		r.warn(v.pos, v.path()+v.assigned()+": anybody who reaches a node's port can take or move the VIPs; keep it to tests")
	}
	if text := peersWarning(len(c.Cluster.Peers), owners(c.Cluster)); text != "" {
		peers := cluster.child("peer")
		r.warn(peers.key, peers.path()+": "+text)
	}
	if self, _ := c.Cluster.Peer(c.Node.Name); root.child("vip") == nil && !self.Witness {
		r.warn(cluster.key, "cluster: there is no [[vip]], so the cluster owns nothing")
	}
}

// peersWarning explains the quorum of a list that is no odd number of voters,
// or that has one owner only. Every peer votes.
func peersWarning(voters, owners int) string {
	quorum := voters/2 + 1
	switch {
	case voters == 0:
		return ""
	case voters == 1:
		return "with 1 peer nobody takes the VIPs over when it fails; add two, of which one may be a witness: " + witnessAdvice
	case voters == 2:
		return "2 peers are a quorum only together: when one fails, nobody owns a VIP until it is back; add a third: " + witnessAdvice
	case voters > manyVoters:
		return fmt.Sprintf("%d peers vote, and each change of owner waits for %d of them; 3, 5 or 7 are enough", voters, quorum)
	case voters%2 == 0:
		return fmt.Sprintf("of %d peers a quorum is %d, so the cluster survives the loss of %d, no more than with %d peers; add one: %s",
			voters, quorum, voters-quorum, voters-1, witnessAdvice)
	case owners == 1:
		return "only one peer is not a witness, so nobody takes the VIPs over when it fails"
	}
	return ""
}

// warnBGP remarks on a [bgp] that announces nothing.
func warnBGP(r *report, root *value, c *Config) {
	if c.BGP != nil && root.child("vip") == nil {
		r.warn(root.child("bgp").key, "bgp: there is no [[vip]], so nothing is announced")
	}
}
