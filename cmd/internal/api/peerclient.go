package api

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// DialNode connects to the peer API of the named node: an authenticated
// connection, on which nothing has been sent yet.
type DialNode func(ctx context.Context, node string) (net.Conn, error)

// PeerClient asks the other nodes of the cluster. It may be used by several
// goroutines at once; the caller's context limits how long it waits.
type PeerClient struct {
	// kept holds on to one connection per node, for what may be asked again
	// when a restarted peer has closed it.
	kept caller
	// fresh dials for each request: a move must be sent once and not fail
	// because of a connection that had died before.
	fresh caller
}

// NewPeerClient returns a client that dials when it is asked.
func NewPeerClient(dial DialNode) *PeerClient {
	c := &PeerClient{kept: peerCaller(dial), fresh: peerCaller(dial)}
	c.fresh.http.Transport.(*http.Transport).DisableKeepAlives = true
	return c
}

func peerCaller(dial DialNode) caller { return newCaller(maxPeerAnswer, maxPeerElements, byHost(dial)) }

// Report returns what a node says of itself, within limits whatever it has sent.
func (c *PeerClient) Report(ctx context.Context, node string) (NodeReport, error) {
	var n NodeReport
	err := c.kept.get(ctx, hostOf(node), "/v1/node", &n)
	return n.bounded(), explainPeer(node, err)
}

// ErrNoOverview is of a node of a version that has no overview, or another one.
var ErrNoOverview = errors.New("not known from this version")

// Overview returns what a node shows of itself on dashboards. It keeps to the limits of
// an Overview, whatever the node has sent.
func (c *PeerClient) Overview(ctx context.Context, node string) (Overview, error) {
	var o Overview
	err := c.kept.getSmall(ctx, hostOf(node), overviewPath, maxOverview, &o)
	if refused, ok := errors.AsType[*AnswerError](err); ok && refused.Code == http.StatusNotFound || err == nil && o.Format != OverviewFormat {
		return Overview{}, ErrNoOverview
	}
	if err == nil && o.Node != node {
		err = fmt.Errorf("answers as %q", o.Node)
	}
	if err != nil {
		return Overview{}, explainPeer(node, err)
	}
	return o.bounded(), nil
}

// Transfer asks a node, the leader, to move ownership; see Backend.
func (c *PeerClient) Transfer(ctx context.Context, node, to string) (TransferResult, error) {
	var res TransferResult
	err := c.fresh.post(ctx, hostOf(node), "/v1/transfer", transferRequest{To: to}, &res)
	return res.bounded(), explainPeer(node, err)
}

// SetDrain asks a node, the leader, to drain or undrain target.
func (c *PeerClient) SetDrain(ctx context.Context, node, target string, to Drain) error {
	err := c.fresh.post(ctx, hostOf(node), drainPath(to), drainRequest{Node: target}, &empty{})
	return explainPeer(node, err)
}

// OrderServer asks a node, the leader, to remember an order for a real server.
func (c *PeerClient) OrderServer(ctx context.Context, node string, o ServerOrder) (ServerName, error) {
	var name ServerName
	err := c.fresh.post(ctx, hostOf(node), orderPath, o, &name)
	return name, explainPeer(node, err)
}

// ReportServer asks a node for a real server as it sees it.
func (c *PeerClient) ReportServer(ctx context.Context, node string, n ServerName) (ServerReport, error) {
	var r ServerReport
	err := c.kept.post(ctx, hostOf(node), reportPath, n, &r)
	return r, explainPeer(node, err)
}

// TellHealth tells a node, the leader, how this one is. It may be told again.
func (c *PeerClient) TellHealth(ctx context.Context, node string, r HealthReport) error {
	err := c.kept.post(ctx, hostOf(node), healthPath, r, &empty{})
	return explainPeer(node, err)
}

// CloseIdleConnections ends the kept connections, such as those to nodes that
// have left the cluster.
func (c *PeerClient) CloseIdleConnections() { c.kept.http.CloseIdleConnections() }

const hostSuffix = ".node"

// hostOf returns a host name for a node that a URL cannot change, whatever is
// in the node's name; byHost turns it back.
func hostOf(node string) string { return hex.EncodeToString([]byte(node)) + hostSuffix }

func byHost(dial DialNode) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, host string) (net.Conn, error) {
		node, err := hex.DecodeString(strings.TrimSuffix(host, hostSuffix))
		if err != nil {
			return nil, fmt.Errorf("host %q: %w", host, err)
		}
		return dial(ctx, string(node))
	}
}
