package vrrpnet

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// While no interface is wanted the kernel is asked for none, until there are others.
func TestPollCarrierRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		var list atomic.Pointer[[]int]
		list.Store(&[]int{})
		changed := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- PollCarrier(ctx, time.Second, changed, func() []int { looks.Add(1); return *list.Load() })
		}()
		wants := func(what string, least, most int64) {
			t.Helper()
			looks.Store(0)
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if n := looks.Load(); n < least || n > most {
				t.Errorf("%s: %d looks, want %d to %d", what, n, least, most)
			}
		}
		wants("none at first", 0, 1)
		wants("none", 0, 0)
		list.Store(&[]int{-1})
		changed <- struct{}{}
		wants("one", 10, 12)
		list.Store(&[]int{})
		wants("none again", 1, 1)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestPollCarrier would need 30 s if the kernel paused a second after each change.
func TestPollCarrier(t *testing.T) {
	l := newLinkLab(t)
	w := l.watch()
	index := l.link("eth0").Attrs().Index
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine
		if err := unix.Setns(l.hereFD, unix.CLONE_NEWNET); err != nil {
			ended <- err
			return
		}
		ended <- PollCarrier(ctx, time.Millisecond, nil, func() []int { return []int{-1, 99, index} })
	}()
	flaps := 0
	l.eventually("15 flaps", func() bool {
		peer := l.at(l.there, "peer0")
		l.must(l.there.LinkSetDown(peer))
		w.tells("eth0", "no carrier", isDown)
		l.must(l.there.LinkSetUp(peer))
		w.tells("eth0", "carrier", isUp)
		flaps++
		return flaps == 15
	})
	cancel()
	l.must(<-ended)
}
