package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perch-vip/perch/cmd/internal/web"
)

// errHangs is why a daemon ended with a part that cannot be waited for.
var errHangs = errors.New("hangs, and perch has ended for it")

// Limits of an end.
const (
	endLimit     = 30 * time.Second        // of an orderly one: hand-over, release, what is told of it
	releaseLimit = 1500 * time.Millisecond // of giving up the VIPs although a part hangs
	dumpLimit    = time.Second             // of writing down the goroutines
	abortAfter   = 6 * time.Second         // of all that follows from a part that hangs
)

// vitalPart is a part whose silence ends the daemon.
type vitalPart struct {
	name string
	beat func() uint64 // it waits for nobody
}

// supervisor watches over the parts. It reads their beats and nothing else, so that no part
// can keep it waiting, and has a thread of its own.
type supervisor struct {
	parts  []vitalPart
	ending func() bool // whether the daemon is about to end
	turns  turns
	silent chan string    // who has been, for too long
	well   atomic.Bool    // for the service manager's watchdog
	most   []atomic.Int64 // nanoseconds for which each part has been silent, at most
}

func newSupervisor(parts []vitalPart, ending func() bool) *supervisor {
	s := &supervisor{
		parts: parts, ending: ending, turns: turns{dir: ownThreads},
		silent: make(chan string, 1), most: make([]atomic.Int64, len(parts)),
	}
	s.well.Store(true)
	return s
}

// run watches until ctx ends, or a part has been silent for too long.
func (s *supervisor) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	v, last, end := newVigil(), time.Now(), time.Duration(0)
	for ctx.Err() == nil {
		pause(ctx, beatEvery)
		now := time.Now()
		part := v.look(s.readings(), now.Sub(last), s.waited(v, now.Sub(last)))
		s.remember(v)
		if s.ending() {
			end += witnessed(now.Sub(last))
		}
		if part == "" && end > endLimit {
			part = "the end"
		}
		if part != "" {
			s.well.Store(false)
			s.silent <- part
			return
		}
		last = now
	}
}

// waited is for how long the process could not get on since the last look, if that matters.
func (s *supervisor) waited(v *vigil, passed time.Duration) time.Duration {
	if !v.doubts() {
		s.turns.forget()
		return 0
	}
	return s.turns.waited(passed)
}

// remember keeps for how long each part has been silent, at most.
func (s *supervisor) remember(v *vigil) {
	for i, p := range s.parts {
		if silent := int64(v.silent[p.name]); silent > s.most[i].Load() {
			s.most[i].Store(silent)
		}
	}
}

// longest returns that.
func (s *supervisor) longest() (list []web.Silence) {
	for i, p := range s.parts {
		list = append(list, web.Silence{Part: p.name, For: time.Duration(s.most[i].Load())})
	}
	return list
}

// alive tells whether no part has been silent for too long.
func (d *daemon) alive() bool { return d.supervisor.well.Load() }

func (s *supervisor) readings() []reading {
	list := make([]reading, len(s.parts))
	for i, p := range s.parts {
		list[i] = reading{p.name, p.beat()}
	}
	return list
}

// watched returns the parts without which VIPs are not held as they should be. What may
// rightly wait for a disk, a peer, a program or a reader is not among them; see doc.go.
func (d *daemon) watched() []vitalPart {
	parts := []vitalPart{{"checks", d.checks.runner.Progress}}
	if m := d.member; m != nil {
		parts = append(parts, vitalPart{"holder", m.holder.progress}, vitalPart{"vip", m.vips.Progress})
	}
	if r := d.routers; r != nil {
		parts = append(parts, vitalPart{"vrrp", r.pace.beat}, vitalPart{"vrrp-engine", r.engine.Progress}, vitalPart{"vrrp-vip", r.vips.Progress})
	}
	if d.anycast != nil {
		parts = append(parts, vitalPart{"anycast-vip", d.anycast.manager.Progress})
	}
	return parts
}

// supervised runs all parts by run, and returns what it does, unless one of them hangs: then
// the VIPs are given up, and nothing that hangs is waited for.
func (d *daemon) supervised(ctx context.Context, run func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go d.supervisor.run(watching)
	select {
	case err := <-ended:
		return err
	case part := <-d.supervisor.silent:
		return d.giveUp(part)
	}
}

// giveUp ends the daemon without the part that hangs.
func (d *daemon) giveUp(part string) error {
	if d.opts.Abort != nil {
		time.AfterFunc(abortAfter, d.opts.Abort)
	}
	d.hangs.Store(true)
	d.log.Error("a part of perch hangs, its VIPs are released", "part", part, "silent", silenceLimit)
	if within(releaseLimit, d.releaseAll) {
		d.log.Info("the VIPs are released")
	} else {
		d.log.Error("not all is released, the fence and the lifetimes of addresses see to the rest")
	}
	within(dumpLimit, func() { logGoroutines(d.log) })
	d.log.Error("perch ends, since a part of it hangs", "part", part, "next", restart())
	return fmt.Errorf("%s %w", part, errHangs)
}

// releaseAll gives up everything, each kind of VIP beside the others: one of them hangs. Silence
// is first, since it may be the kernel's side of the fence that hangs: the others need not wait for
// the end, only for that of the lease. The fence is next, for which nobody needs to be asked.
func (d *daemon) releaseAll() {
	if d.member != nil {
		d.member.node.FallSilent()
	}
	if err := d.fence.ShutAll(); err != nil {
		d.log.Error("shutting the fence", "error", err)
	}
	var released sync.WaitGroup
	begin := func(release func() error) {
		released.Go(func() {
			if err := release(); err != nil {
				d.log.Error("releasing the VIPs of a part that hangs", "error", err)
			}
		})
	}
	if d.member != nil {
		begin(d.member.holder.stop)
	}
	if d.routers != nil {
		begin(d.routers.relinquish)
	}
	if d.anycast != nil {
		begin(func() error { d.anycast.stop(); return nil })
	}
	released.Wait()
	if err := d.unfence(); err != nil {
		d.log.Error("taking out the fence", "error", err)
	}
}

// within does something, and tells whether it was done in time. Else it is left behind: the
// process is about to end.
func within(limit time.Duration, do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

// restart says who starts perch again.
func restart() string {
	if managed() {
		return "its service manager starts it again, if told to"
	}
	return "nothing that perch knows of starts it again"
}

// managed tells whether a service manager runs this process.
func managed() bool { return os.Getenv("NOTIFY_SOCKET") != "" || os.Getenv("INVOCATION_ID") != "" }

// mostStacks bounds what is written of the goroutines, in bytes.
const mostStacks = 1 << 20

// logGoroutines logs where each goroutine is, in a line each.
func logGoroutines(log *slog.Logger) {
	text := make([]byte, mostStacks)
	text = text[:runtime.Stack(text, true)]
	for _, stack := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		log.Error("goroutine", "stack", stack)
	}
}
