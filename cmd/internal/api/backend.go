package api

import (
	"context"

	"github.com/perch-vip/perch/cmd/internal/events"
)

// Backend is the daemon as the control API sees it. An error may be marked
// with Invalid or NotNow; its text is split into one answer per line.
type Backend interface {
	Status(ctx context.Context) (Status, error)
	// History returns the moves that the cluster remembers, oldest first.
	History(ctx context.Context) ([]Move, error)
	// Events returns what has happened on the asked node.
	Events() *events.Log
	// Transfer moves ownership to the named node, or to the best one if to is empty.
	Transfer(ctx context.Context, to string) (TransferResult, error)
	// SetDrain drains or undrains the named node; doing it again is no error.
	SetDrain(ctx context.Context, node string, to Drain) error
	// OrderServer gives an order for a real server; giving it again is no error. It
	// returns the names as they are in the status.
	OrderServer(ctx context.Context, o ServerOrder) (ServerName, error)
	// ReportServer looks at a real server where its connections go through.
	ReportServer(ctx context.Context, n ServerName) (ServerReport, error)
	Reload(ctx context.Context) (ReloadResult, error)
	// Join makes the asked node a member of the cluster at work, and may be asked
	// again: it answers after a while, also when it is not done. Via is the address of
	// a member, HOST:PORT, or "".
	Join(ctx context.Context, via string) (JoinResult, error)
	// Remove takes a node out of the cluster, also the asked one.
	Remove(ctx context.Context, node string) error
}

// PeerBackend is the daemon as the other nodes see it. What it cannot do itself
// it refuses with NotNow: it never forwards, so that no request goes in circles.
type PeerBackend interface {
	NodeReport(ctx context.Context) (NodeReport, error)
	// Overview returns what the node shows of itself on dashboards.
	Overview(ctx context.Context) (Overview, error)
	Transfer(ctx context.Context, to string) (TransferResult, error)
	SetDrain(ctx context.Context, node string, to Drain) error
	OrderServer(ctx context.Context, o ServerOrder) (ServerName, error)
	// ReportServer looks at a real server on this node.
	ReportServer(ctx context.Context, n ServerName) (ServerReport, error)
	// TellHealth takes note of what a node says of its health.
	TellHealth(ctx context.Context, r HealthReport) error
}

// Drain is whether a node may own VIPs.
type Drain string

// Values of Drain.
const (
	Drained   Drain = "drained"   // it owns none until it is undrained
	Undrained Drain = "undrained" // it may own them
)
