package cluster

import (
	"context"
	"log/slog"
)

// moment writes down, at debug level, when something of an election or a hand-over has
// happened, by the boot clock, which all processes of a machine share: what a move spends
// its time on.
func (n *Node) moment(what string) {
	if n.cfg.Log.Enabled(context.Background(), slog.LevelDebug) {
		n.cfg.Log.Debug("moment", "what", what, "boot", n.now())
	}
}
