package daemon

import (
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/web"
)

// reloadCount counts the reloads of the config.
type reloadCount struct {
	applied, refused atomic.Uint64
	failed           atomic.Bool  // the last one was refused
	last             atomic.Int64 // when the config in force was taken over, Unix milliseconds
}

// begin notes that the daemon begins with a config.
func (r *reloadCount) begin(at time.Time) { r.last.Store(at.UnixMilli()) }

// note counts a reload, of which err says that nothing has changed.
func (r *reloadCount) note(err error, at time.Time) {
	r.failed.Store(err != nil)
	if err != nil {
		r.refused.Add(1)
		return
	}
	r.applied.Add(1)
	r.begin(at)
}

func (r *reloadCount) all() web.Reloads {
	return web.Reloads{
		Applied: r.applied.Load(),
		Refused: r.refused.Load(),
		Failed:  r.failed.Load(),
		Last:    time.UnixMilli(r.last.Load()),
	}
}
