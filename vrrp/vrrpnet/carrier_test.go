package vrrpnet

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// While no interface is wanted the kernel is asked for none, until there are others.
func TestPollCarrierRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, list := 0, []int{}
		changed := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- PollCarrier(ctx, time.Second, changed, func() []int { looks++; return list })
		}()
		wants := func(what string, least, most int) {
			t.Helper()
			looks = 0
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if looks < least || looks > most {
				t.Errorf("%s: %d looks, want %d to %d", what, looks, least, most)
			}
		}
		wants("none at first", 0, 1)
		wants("none", 0, 0)
		list = []int{-1}
		changed <- struct{}{}
		wants("one", 10, 12)
		list = nil
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
