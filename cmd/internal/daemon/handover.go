package daemon

import "github.com/perch-vip/perch/cluster"

// handOver moves leadership, and with it the VIPs, as planned. Routers that are told of
// them keep a route to them all the time.
func (d *daemon) handOver(move cluster.Move) (winner string, err error) {
	if !d.lingers() || !d.moving.TryLock() { // a move under way has seen to it
		return d.member.node.Transfer(move)
	}
	defer d.moving.Unlock()
	if err := d.herald.speaker.Linger(); err != nil {
		d.log.Warn("announcing through a planned move", "error", err)
	}
	winner, err = d.member.node.Transfer(move)
	if err != nil {
		d.herald.speaker.Stay()
	}
	return winner, err
}

// lingers tells whether a move would leave routers without a route.
func (d *daemon) lingers() bool {
	return d.herald != nil && d.anycast == nil && d.member.holder.holding() && len(d.member.node.Candidates()) > 0
}
