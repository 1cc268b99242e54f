package doctor

import (
	"context"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Running is what the daemon of this node says.
type Running struct {
	Version string // of its perch; "" if it was not asked
	Stall   Stall
}

// tryDaemon asks the daemon of this node for what only it knows.
func tryDaemon(ctx context.Context, c *config.Config, p Probes) func(*Facts) {
	running, ok := p.AskDaemon(ctx, c)
	if !ok {
		return nil
	}
	return func(f *Facts) { f.Running, f.Disk.Stall = running.Version, running.Stall }
}

// restarted is about a daemon that is not of the version that is installed.
func restarted(_ *config.Config, f Facts) []Finding {
	if f.Running == "" || f.Running == f.Version {
		return nil
	}
	return []Finding{{
		Hint, "the daemon", "runs version " + f.Running + " of perch, and what is installed is " + f.Version + ": it was not restarted since",
		"systemctl restart perch",
	}}
}
