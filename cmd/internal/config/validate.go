package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// validate checks what single values cannot show. Fields whose value was
// missing or refused are zero and are passed over: that is reported already.
func validate(r *report, root *value, d *draft) {
	c := &d.Config
	checkPrograms(r, root.child("node"), &c.Node)
	for i := range c.VIPs {
		checkVIPKind(r, root.child("vip").item(i), &c.VIPs[i])
	}
	checkAddresses(r, root, c)
	checkRanges(r, root, d)
	checkBGP(r, root, c)
	checkRouters(r, root, c)
	checkGroups(r, root, c)
	checkStatic(r, root, c)
	checkChecks(r, root, c)
	checkTracks(r, root, c)
	checkServices(r, root, d)
	checkNotifies(r, root, c)
	checkClock(r, root, c)
	if c.Cluster == nil {
		checkNothing(r, root, c)
		checkHostName(r, root, c)
		return
	}
	cluster := root.child("cluster")
	checkCredentials(r, cluster)
	checkHeartbeat(r, cluster)
	checkPeers(r, cluster.child("peer"), c.Cluster)
	checkSelf(r, root, c)
	checkListen(r, root, c)
	checkFence(r, root)
	checkRangeFence(r, root, c)
}

// checkNothing says what a file without a cluster lacks.
func checkNothing(r *report, root *value, c *Config) {
	const wanted = "must have a [cluster] with its [[cluster.peer]] list, or a [[vrrp]]"
	switch vips := root.child("vip"); {
	case root.child("cluster") != nil: // it was refused
	case len(root.fields) == 0:
		r.add(root.pos, "the file sets nothing; "+wanted+" (`perch init` writes a file with a cluster to begin with)")
	case vips != nil && c.BGP != nil && c.BGP.Anycast:
		checkAnycastAlone(r, vips, c)
	case vips != nil:
		r.badKey(vips, "there is no [cluster] to own it", "must stand beside a [cluster] with its [[cluster.peer]] list, be in the addresses of a [[vrrp]], or come with anycast = true in a [bgp]")
	case nothingElse(root):
		r.missing(root, "cluster", "must be a [cluster] with its [[cluster.peer]] list, unless there is a [[vrrp]], [[service]] or [static] entry to run")
	}
}

// checkHostName wants a host name that can be this node's where nothing else is given,
// and no list of peers says whether it is right.
func checkHostName(r *report, root *value, c *Config) {
	if root.child("node").child("name") != nil {
		return
	}
	if _, err := parseName(c.Node.Name); err != nil {
		r.add(root.pos, fmt.Sprintf("node.name: missing, and this machine's host name, %q, %v; %s", shorten(c.Node.Name), err, nameRule))
	}
}

// nothingElse reports whether there is neither a virtual router, a service nor a static entry.
func nothingElse(root *value) bool {
	static := root.child("static")
	for _, v := range []*value{root.child("vrrp"), root.child("service"), static.child("addresses"), static.child("routes"), static.child("rules")} {
		if v != nil && (v.kind != kindArray || len(v.items) > 0) {
			return false
		}
	}
	return true
}

// checkFence allows one place only to say what the fence is.
func checkFence(r *report, root *value) {
	if fence := root.child("node").child("fence"); fence != nil {
		r.badKey(fence, "given together with a [cluster]", "must be cluster.fence there")
	}
}

// checkCredentials wants exactly one of a secret, certificates and insecure = true.
func checkCredentials(r *report, cluster *value) {
	secret, insecure := cluster.child("secret_file"), cluster.child("insecure")
	first := checkTLS(r, cluster)
	open := insecure != nil && insecure.kind == kindBoolean && insecure.text == "true"
	const allowed = "must have exactly one of secret_file, the three tls_ keys and insecure = true"
	switch {
	case secret != nil && first != nil:
		r.badKey(first, "given together with secret_file", allowed)
	case secret == nil && first == nil && no(insecure):
		r.badKey(cluster, "has no credentials", allowed)
	}
	switch {
	case open && secret != nil:
		r.badValue(insecure, "given together with secret_file", allowed)
	case open && first != nil:
		r.badValue(insecure, "given together with "+first.name, allowed)
	}
}

// checkTLS wants all of the tls_ keys or none, and returns the first that is there.
func checkTLS(r *report, cluster *value) *value {
	var first *value
	var absent []string
	for _, name := range []string{"tls_ca", "tls_cert", "tls_key"} {
		v := cluster.child(name)
		if v == nil {
			absent = append(absent, name)
		} else if first == nil {
			first = v
		}
	}
	if first != nil && len(absent) > 0 {
		r.badKey(first, "given without "+strings.Join(absent, " and "), "must come with all of tls_ca, tls_cert, tls_key")
	}
	return first
}

func checkHeartbeat(r *report, cluster *value) {
	if heartbeat := cluster.child("heartbeat"); heartbeat != nil && cluster.child("failover") != nil {
		r.badKey(heartbeat, "given together with failover, which sets it too", "must be one of failover and heartbeat")
	}
}

func checkPeers(r *report, list *value, c *Cluster) {
	names, addresses := firsts[string]{}, firsts[netip.AddrPort]{}
	for i, p := range c.Peers {
		if p.Name != "" {
			names.check(r, p.Name, list.item(i).child("name"), "must be different for every peer")
		}
		if p.Address.IsValid() {
			addresses.check(r, p.Address, list.item(i).child("address"), "must be different for every peer")
		}
	}
	switch {
	case list == nil || list.kind != kindArray:
	case len(list.items) == 0:
		r.badKey(list, "is empty", "must have a [[cluster.peer]] for each node, this one among them")
	case len(c.Peers) > 0 && owners(c) == 0:
		r.badKey(list, "all peers are witnesses, so none may own a VIP", "must have a peer without witness = true")
	}
}

// firsts remembers where each value was given first.
type firsts[K comparable] map[K]*value

func (f firsts[K]) check(r *report, k K, v *value, allowed string) {
	if first, ok := f[k]; ok {
		r.badValue(v, fmt.Sprintf("given before, on line %d", first.pos.line), allowed)
		return
	}
	f[k] = v
}

// checkSelf makes sure that this node is one of the peers.
func checkSelf(r *report, root *value, c *Config) {
	name, list := root.child("node").child("name"), root.child("cluster").child("peer")
	if len(c.Cluster.Peers) == 0 || name != nil && c.Node.Name == "" {
		return
	}
	var names []string
	for _, p := range c.Cluster.Peers {
		if p.Name == c.Node.Name || p.Name == "" {
			return // or it may be the one whose name was refused
		}
		names = append(names, p.Name)
	}
	allowed := "must be one of the cluster's peers: " + shorten(strings.Join(names, ", "))
	switch {
	case name != nil:
		r.badValue(name, "is not in the list of peers", allowed)
	case c.Node.Name == "":
		r.badKey(list, "this machine has no host name to find itself by", "node.name "+allowed)
	default:
		r.badKey(list, fmt.Sprintf("this machine's host name, %q, is not in the list of peers", shorten(c.Node.Name)), "node.name "+allowed)
	}
}

// checkListen leaves the port of the cluster to the cluster.
func checkListen(r *report, root *value, c *Config) {
	listen, self := root.child("node").child("listen"), netip.AddrPort{}
	if p, ok := c.Cluster.Peer(c.Node.Name); ok {
		self = p.Address
	}
	at := c.Node.Listen
	if listen == nil || !at.IsValid() || at.Port() != self.Port() {
		return
	}
	if at.Addr() == self.Addr() || at.Addr().IsUnspecified() {
		r.badValue(listen, "is where this node listens for its peers", "must have another port")
	}
}

// owners counts the peers that may own a VIP.
func owners(c *Cluster) int {
	n := 0
	for _, p := range c.Peers {
		if !p.Witness {
			n++
		}
	}
	return n
}
