package checker

import (
	"context"
	"errors"
)

// Sessions tells why there is no session with a neighbor of this machine's BGP daemon, or
// with none of them for "": nil while it is established. It may wait until the daemon was
// asked for the first time, or ctx ends, and for nothing else.
type Sessions func(ctx context.Context, neighbor string) error

// errNoBGP says that there is nobody to ask.
var errNoBGP = errors.New("nothing here speaks BGP")

// bgpCheck looks whether a BGP session is established.
type bgpCheck struct {
	host     *Host
	neighbor string
}

func newBGP(h *Host, s Spec) (Checker, error) { return &bgpCheck{h, s.Target}, nil }

// Check asks whoever speaks to the BGP daemon.
func (c *bgpCheck) Check(ctx context.Context) (Finding, error) {
	if c.host.sessions == nil {
		return Finding{}, errNoBGP
	}
	return Finding{}, c.host.sessions(ctx, c.neighbor)
}

// Follow names who knows of BGP sessions. It is for before the first look.
func (h *Host) Follow(sessions Sessions) { h.sessions = sessions }
