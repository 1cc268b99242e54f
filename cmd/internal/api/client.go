package api

import (
	"context"
	"errors"
	"net"
	"time"
)

// How long a command waits for its answer, and before that for a sign of life: what it
// asks for may take its time, and a daemon that is frozen says nothing at all.
const (
	aliveTimeout = 5 * time.Second
	askTimeout   = 10 * time.Second
	actTimeout   = writeTimeout
)

// Client asks the daemon behind a control socket. It may be used by several
// goroutines at once.
type Client struct {
	path string
	caller
}

// NewClient returns a client of the socket at path. It dials when it is asked.
func NewClient(path string) *Client {
	return &Client{path: path, caller: newCaller(maxAnswer, maxElements, func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	})}
}

// Status returns who owns what, as the daemon of this node sees it.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.ask(ctx, "/v1/status", &s)
	return s, err
}

// History returns the moves that the cluster remembers, oldest first.
func (c *Client) History(ctx context.Context) ([]Move, error) {
	var moves []Move
	err := c.ask(ctx, "/v1/history", &moves)
	return moves, err
}

// Transfer moves ownership to a node, or to the best one if to is empty.
func (c *Client) Transfer(ctx context.Context, to string) (TransferResult, error) {
	var res TransferResult
	err := c.act(ctx, "/v1/transfer", transferRequest{To: to}, &res)
	return res, err
}

// SetDrain drains or undrains a node.
func (c *Client) SetDrain(ctx context.Context, node string, to Drain) error {
	return c.act(ctx, drainPath(to), drainRequest{Node: node}, &empty{})
}

// OrderServer gives an order for a real server; see Backend.
func (c *Client) OrderServer(ctx context.Context, o ServerOrder) (ServerName, error) {
	var name ServerName
	err := c.act(ctx, orderPath, o, &name)
	return name, err
}

// ReportServer looks at a real server where its connections go through.
func (c *Client) ReportServer(ctx context.Context, n ServerName) (ServerReport, error) {
	var r ServerReport
	err := c.act(ctx, reportPath, n, &r)
	return r, err
}

// Reload makes the daemon read its config again.
func (c *Client) Reload(ctx context.Context) (ReloadResult, error) {
	var res ReloadResult
	err := c.act(ctx, "/v1/reload", empty{}, &res)
	return res, err
}

// Join asks the node to become a member of the cluster; see Backend.
func (c *Client) Join(ctx context.Context, via string) (JoinResult, error) {
	var res JoinResult
	err := c.act(ctx, "/v1/join", joinRequest{Via: via}, &res)
	return res, err
}

// Remove takes a node out of the cluster.
func (c *Client) Remove(ctx context.Context, node string) error {
	return c.act(ctx, "/v1/remove", removeRequest{Node: node}, &empty{})
}

// CloseIdleConnections ends what the client keeps for its next request.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// alive waits for any answer, also a refusal.
func (c *Client) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, aliveTimeout)
	defer cancel()
	err := c.get(ctx, socketHost, alivePath, &empty{})
	if _, refused := errors.AsType[*AnswerError](err); refused {
		return nil // by a daemon that does not know the path
	}
	return c.explain(err)
}

func (c *Client) ask(ctx context.Context, path string, out any) error {
	if err := c.alive(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return c.explain(c.get(ctx, socketHost, path, out))
}

func (c *Client) act(ctx context.Context, path string, in, out any) error {
	if err := c.alive(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	return c.explain(c.post(ctx, socketHost, path, in, out))
}

// socketHost stands where HTTP wants a host.
const socketHost = "perch"
