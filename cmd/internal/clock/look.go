package clock

import (
	"context"
	"time"
)

// ask asks the leader for its time now and then, until ctx ends.
func (k *Keeper) ask(ctx context.Context) {
	each(ctx, k.pokes[1], func() { k.look(ctx) })
}

// look asks the leader for its time, if it is another one or the interval is over.
func (k *Keeper) look(ctx context.Context) {
	settings, view := k.wanted(), k.opts.View()
	if settings == nil || SourcesOf(view).Verdict != Follow {
		k.remember(nil)
		return
	}
	since, last := time.Now(), k.last()
	if last != nil && last.leader == view.Leader {
		if time.Since(last.at) < settings.Interval {
			return
		}
		since = last.since
	}
	reading, err := k.opts.Ask(ctx, view.Address)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.opts.Log.Debug("asking the leader for its time", "leader", view.Leader, "error", err)
	}
	k.remember(&answer{leader: view.Leader, since: since, at: time.Now(), reading: reading, err: err})
}

func (k *Keeper) last() *answer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reading
}

func (k *Keeper) remember(a *answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading = a
}
