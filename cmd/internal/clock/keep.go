package clock

import (
	"context"
	"time"
)

// keep keeps the file, until ctx ends.
func (k *Keeper) keep(ctx context.Context) {
	f := follower{Keeper: k}
	each(ctx, k.pokes[0], func() { f.step(ctx) })
}

// follower is what keep knows of the file and of chronyd.
type follower struct {
	*Keeper
	placed *Settings // by which there may be a file; nil for none
	read   bool      // chronyd has read it since it changed
	next   time.Time // when it is to be told again
}

// step makes the file what it is to be, and has chronyd read it.
func (f *follower) step(ctx context.Context) {
	want := f.wanted()
	f.clear(ctx, want)
	if want == nil {
		f.note("")
		return
	}
	if f.placed == nil || *f.placed != *want {
		f.placed, f.read, f.next = want, false, time.Time{}
	}
	view := f.opts.View()
	sources := SourcesOf(view)
	if sources.Verdict == Keep {
		return
	}
	changed, err := f.put(want.File(), sources)
	if err != nil {
		f.note(misplaced(want.File(), err))
		return
	}
	if changed {
		f.read, f.next = false, time.Time{}
		f.opts.Log.Info("source of time", "leader", view.Leader, "file", want.File(), "follow", sources.Verdict == Follow)
	}
	switch {
	case f.read:
		f.note("")
	case !time.Now().Before(f.next):
		f.reload(ctx, *want)
	}
}

// clear takes away a file that is not wanted any more.
func (f *follower) clear(ctx context.Context, want *Settings) {
	old := f.placed
	if old == nil || want != nil && want.File() == old.File() {
		return
	}
	f.placed = nil
	changed, err := remove(old.File())
	if err == nil && changed {
		err = f.run(ctx, *old)
	}
	if err != nil && ctx.Err() == nil {
		f.opts.Log.Warn("taking a source of time away", "file", old.File(), "error", err)
	}
}

// reload has chronyd read the file. It is tried again if that fails.
func (f *follower) reload(ctx context.Context, s Settings) {
	err := f.run(ctx, s)
	if ctx.Err() != nil {
		return
	}
	if f.read = err == nil; f.read {
		f.note("")
		return
	}
	f.next = time.Now().Add(reloadAgain)
	f.note(unread(s.File(), s.Chronyc, err))
}

func (f *follower) run(ctx context.Context, s Settings) error {
	limited, cancel := context.WithTimeout(ctx, reloadLimit)
	defer cancel()
	return f.opts.Run(limited, s.argv())
}

// note remembers what is wrong, and logs it when it is something new.
func (k *Keeper) note(trouble string) {
	k.mu.Lock()
	was := k.trouble
	k.trouble = trouble
	k.mu.Unlock()
	if trouble != "" && trouble != was {
		k.opts.Log.Warn("the leader's time is not followed", "error", trouble)
	}
}
