package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// PingInterval is the time between two requests of a Pinger, and so the finest
// outage that it can tell from none.
const PingInterval = time.Millisecond

// Pinger sends an echo request to one address each PingInterval and writes down
// when the answers come in.
type Pinger struct {
	target netip.Addr
	socket *echoSocket
	start  time.Time
	stop   chan struct{}
	ended  sync.WaitGroup
	close  func() error

	mu      sync.Mutex
	sent    []echo
	answers []time.Duration // when they came in, since start
}

// echo is one request.
type echo struct {
	sent     time.Duration // since start
	answered bool
}

// Outage is what a Pinger saw over some time.
type Outage struct {
	Gap  time.Duration // longest time without an answer; PingInterval when all is well
	Sent int
	Lost int // not answered, or not yet
}

// Ping pings target from the host until the Pinger or the lab is closed.
func (h *Host) Ping(target netip.Addr) (*Pinger, error) {
	p := &Pinger{target: target, start: time.Now(), stop: make(chan struct{})}
	err := h.Do(func() (err error) {
		p.socket, err = openEcho(target, uint16(rand.Uint32()))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ping %s from %s: %w", target, h.Name, err)
	}
	p.close = sync.OnceValue(p.end)
	p.ended.Go(p.receive)
	p.ended.Go(p.send)
	h.lab.endWithLab(p)
	return p, nil
}

// Close ends the pings. What was seen stays readable.
func (p *Pinger) Close() error { return p.close() }

func (p *Pinger) end() error {
	close(p.stop)
	// A deadline wakes the reader and leaves the socket to the sender.
	err := p.socket.file.SetReadDeadline(time.Now())
	p.ended.Wait()
	return errors.Join(err, p.socket.close())
}

// send keeps to a fixed schedule; when it was kept from running it goes on from
// now instead of sending what it missed in a burst. It sleeps in the kernel,
// because the timers of Go may be late by as much as the interval.
func (p *Pinger) send() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, 0, echoLen)
	next := time.Now()
	for counter := uint64(0); !p.stopped(); counter++ {
		p.mu.Lock()
		p.sent = append(p.sent, echo{sent: time.Since(p.start)})
		p.mu.Unlock()
		// A request that cannot be sent is one that is not answered.
		_ = p.socket.send(buf, counter)
		next = next.Add(PingInterval)
		if wait := time.Until(next); wait > 0 {
			ts := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&ts, nil)
		} else {
			next = time.Now()
		}
	}
}

func (p *Pinger) stopped() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// receive reads until the socket's deadline. Other errors are those of single
// requests (host unreachable), which a connected socket reports on reading.
func (p *Pinger) receive() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, maxIPv4Len+echoLen)
	for {
		counter, ok, err := p.socket.receive(buf)
		now := time.Since(p.start)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err == nil && ok {
			p.answer(counter, now)
		}
	}
}

func (p *Pinger) answer(counter uint64, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if counter < uint64(len(p.sent)) && !p.sent[counter].answered {
		p.sent[counter].answered = true
		p.answers = append(p.answers, now)
	}
}

// Since returns what happened from a moment until now. An outage that had begun
// before counts whole; so does, up to now, one that lasts.
func (p *Pinger) Since(from time.Time) Outage {
	p.mu.Lock()
	defer p.mu.Unlock()
	begin, now := from.Sub(p.start), time.Since(p.start)
	out := Outage{Gap: longestGap(p.answers, begin, now)}
	for _, e := range slices.Backward(p.sent) {
		if e.sent < begin {
			break
		}
		out.Sent++
		if !e.answered {
			out.Lost++
		}
	}
	return out
}

// longestGap returns the longest time between two neighbours among the answers
// of [begin, now], the one before begin, and now itself.
func longestGap(answers []time.Duration, begin, now time.Duration) time.Duration {
	first, _ := slices.BinarySearch(answers, begin)
	last := time.Duration(0)
	if first > 0 {
		last = answers[first-1]
	}
	longest := time.Duration(0)
	for _, at := range answers[first:] {
		longest = max(longest, at-last)
		last = at
	}
	return max(longest, now-last)
}

// Answered returns how many answers came in after a moment.
func (p *Pinger) Answered(after time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, _ := slices.BinarySearch(p.answers, after.Sub(p.start))
	return len(p.answers) - first
}

// WaitAnswers waits until that many answers have come in after a moment.
func (p *Pinger) WaitAnswers(ctx context.Context, after time.Time, many int) error {
	tick := time.NewTicker(PingInterval)
	defer tick.Stop()
	for p.Answered(after) < many {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d answers of %s: %w", many, p.target, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
