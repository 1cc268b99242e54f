package daemon

import "github.com/perch-vip/perch/cluster"

// handOver moves leadership, and with it the VIPs, as planned. Routers that are told of
// them keep a route to them all the time.
func (d *daemon) handOver(why moveReason, move cluster.Move) (winner string, err error) {
	defer func() { d.moves.note(why, err) }()
	transfer := func() (string, error) { return d.member.node.Transfer(move) }
	return d.recordTransfer(why, move, func() (string, error) {
		if !d.lingers() {
			return transfer()
		}
		return d.herald.through(transfer)
	})
}

// lingers tells whether a move would leave routers without a route.
func (d *daemon) lingers() bool {
	return d.herald != nil && d.anycast == nil && d.member.holder.holding() && len(d.member.node.Candidates()) > 0
}
