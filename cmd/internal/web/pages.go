package web

import (
	"context"
	"log/slog"
)

// pages are all that is made for whoever asks.
type pages struct{ metrics, alive, ready *page }

func newPages(from Sources, log *slog.Logger) pages {
	process := newProcess()
	metrics := func(b []byte) []byte {
		m := from.Metrics()
		b, err := appendGathered(b, process)
		if err != nil {
			log.Warn("metrics of the process are missing", "error", err)
		}
		b, err = render(b, &m)
		if err != nil {
			log.Warn("metrics are missing", "error", err)
		}
		return b
	}
	return pages{
		metrics: &page{render: metrics, log: log},
		alive:   &page{render: func(b []byte) []byte { return appendAlive(b, from.Alive()) }, log: log},
		ready:   &page{render: func(b []byte) []byte { return appendReady(b, from.Obstacles()) }, log: log},
	}
}

// settle waits for what is being made, until ctx ends.
func (p *pages) settle(ctx context.Context) {
	for _, each := range []*page{p.metrics, p.alive, p.ready} {
		each.settle(ctx)
	}
}
