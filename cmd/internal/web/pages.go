package web

import (
	"context"
	"log/slog"
)

// pages are all that is made for whoever asks.
type pages struct {
	metrics, alive, ready *page[[]byte]
	board                 *page[*showing]
}

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
	show := func(*showing) *showing {
		v := from.Board()
		return newShowing(&v)
	}
	return pages{
		metrics: newText(metrics, log),
		alive:   newText(func(b []byte) []byte { return appendAlive(b, from.Alive()) }, log),
		ready:   newText(func(b []byte) []byte { return appendReady(b, from.Obstacles()) }, log),
		board:   &page[*showing]{render: show, log: log},
	}
}

// newText returns a page of text, which is appended to a slice with room for a little more
// than the last one.
func newText(text func([]byte) []byte, log *slog.Logger) *page[[]byte] {
	render := func(last []byte) []byte { return text(make([]byte, 0, len(last)+len(last)/8)) }
	return &page[[]byte]{render: render, log: log}
}

// settle waits for what is being made, until ctx ends.
func (p *pages) settle(ctx context.Context) {
	for _, each := range []interface{ settle(context.Context) }{p.metrics, p.alive, p.ready, p.board} {
		each.settle(ctx)
	}
}
