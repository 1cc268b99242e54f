package cluster

import "github.com/perch-vip/perch/cluster/state"

// OrderServer has the cluster remember what an operator wants of a real server. Only the
// leader can.
func (n *Node) OrderServer(s state.Server) error {
	_, err := n.apply(state.Command{Server: &s}, n.commitLimit())
	return err
}

// Orders returns what the cluster remembers that operators want of real servers, as far
// as this node knows. It must not be changed.
func (n *Node) Orders() state.Orders {
	n.fsm.mu.Lock()
	defer n.fsm.mu.Unlock()
	return n.fsm.state.Servers
}

// Remembered signals that the cluster may remember something else: a drain, an order, a
// move. Signals coalesce; there is one receiver.
func (n *Node) Remembered() <-chan struct{} { return n.remembered }
