package checker

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// watchAgain is how long after its end a Watch is tried again.
	watchAgain = 5 * time.Second
	// watchQuiet is how long a Watch must have gone well for its error to be logged that
	// was logged before.
	watchQuiet = time.Minute
)

// beginWatch lets the Watcher of a task watch while it is a task.
func (r *Runner) beginWatch(ctx context.Context, started *sync.WaitGroup, t *task) {
	if t.removed {
		return
	}
	ctx, t.stopWatch = context.WithCancel(ctx)
	started.Go(func() { r.watch(ctx, t, t.entry.Checker.(Watcher)) })
}

// watch watches time and again until ctx ends. Looks go on by their interval meanwhile.
func (r *Runner) watch(ctx context.Context, t *task, w Watcher) {
	var said string
	for ctx.Err() == nil {
		begun := time.Now()
		err := watchOnce(ctx, w, func() { r.noticed(t) })
		if time.Since(begun) > watchQuiet {
			said = ""
		}
		if err != nil && err.Error() != said && ctx.Err() == nil {
			said = err.Error()
			r.logWatch(t, err)
		}
		pause(ctx, watchAgain)
	}
}

func (r *Runner) logWatch(t *task, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logPanic(t, err)
	r.log.Warn("check cannot watch", "name", t.entry.Name, "kind", t.entry.Spec.Kind, "error", brief(err.Error()))
}

// noticed lets a task look soon, or once more if a look is under way.
func (r *Runner) noticed(t *task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case t.removed:
	case r.underway[t.entry.Name] != nil:
		t.changed = true
	case t.phase == idle:
		t.machine.hurry(r.now())
		r.plan(t, idle, t.machine.due)
	}
}

// logPanic logs the stack of a panic, once for each task.
func (r *Runner) logPanic(t *task, err error) {
	if p, ok := errors.AsType[*panicError](err); ok && !t.panicked {
		t.panicked = true
		r.log.Error("check panicked", "name", t.entry.Name, "kind", t.entry.Spec.Kind,
			"panic", brief(p.Error()), "stack", string(p.stack))
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
