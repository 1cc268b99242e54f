package daemon

// situation is what the decision about the VIPs depends on.
type situation struct {
	leads    bool // leader of the cluster with a running lease
	witness  bool
	drained  bool
	unfenced bool // the kernel may answer beyond the lease, against what was promised
	dark     bool // this node is sick, no healthy one may take over, and then nobody is to own
}

// decision is what a node does about the VIPs.
type decision int

const (
	standby  decision = iota // hold nothing
	hold                     // hold all of them
	handOver                 // hold nothing, and give leadership to a node that may hold
	refrain                  // hold nothing, and lead
)

// decide is the whole policy of raft mode: the leader owns, unless it is a node
// that must not own. Where its health comes in is succession's business.
func decide(s situation) decision {
	switch {
	case !s.leads:
		return standby
	case s.witness, s.drained, s.unfenced:
		return handOver
	case s.dark:
		return refrain
	default:
		return hold
	}
}

// whyMove says why the VIPs leave a node that leads. What is neither of the two is a
// fence that did not open, or a trouble that is over already.
func whyMove(node string, s situation) string {
	switch {
	case s.witness:
		return node + " is a witness"
	case s.drained:
		return node + " is drained"
	default:
		return "the fence of " + node + " does not hold"
	}
}
