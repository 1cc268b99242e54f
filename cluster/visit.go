package cluster

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// LeaseLength is how long a leader may hold, counted from when it sent what a majority has
// answered, if all nodes have the same heartbeat timeout.
func LeaseLength(heartbeat time.Duration) time.Duration { return leaseLength(heartbeat) }

// Visit connects to the peer API of a node, from an address of the node that the
// credentials are of, which need not run.
func (c *Credentials) Visit(ctx context.Context, from netip.Addr, peer Peer) (net.Conn, error) {
	p := &port{address: netip.AddrPortFrom(from, 0), peers: func() []Peer { return []Peer{peer} }, creds: c}
	return p.dial(ctx, protocolAPI, peer.Name)
}
