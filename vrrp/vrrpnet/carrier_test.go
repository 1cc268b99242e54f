package vrrpnet

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
		ended <- PollCarrier(ctx, time.Millisecond, func() []int { return []int{-1, 99, index} })
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
