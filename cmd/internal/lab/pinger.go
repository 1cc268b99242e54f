package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// PingInterval is the usual time between two requests of a Pinger, and so the finest
// outage that it can tell from none.
const PingInterval = time.Millisecond

// Pinger sends an echo request to one address each interval and writes down
// when the kernel got the answers.
type Pinger struct {
	target netip.Addr
	socket *echoSocket
	ticks  *os.File // a timer of the kernel
	start  time.Time
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
	Gap  time.Duration // longest time without an answer; about an interval when all is well
	Sent int
	Lost int // not answered, or not yet
	// Pause is the longest time in which nothing was sent: the client was kept from it, and
	// a gap of as long says nothing of the VIP.
	Pause time.Duration
}

// Ping pings target each PingInterval from the host until the Pinger or the lab is closed.
func (h *Host) Ping(target netip.Addr) (*Pinger, error) { return h.PingEvery(target, PingInterval) }

// PingEvery is Ping with another interval.
func (h *Host) PingEvery(target netip.Addr, interval time.Duration) (*Pinger, error) {
	p := &Pinger{target: target, start: time.Now()}
	err := h.Do(func() (err error) {
		p.socket, err = openEcho(target, uint16(rand.Uint32()))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ping %s from %s: %w", target, h.Name, err)
	}
	if p.ticks, err = newTicks(interval); err != nil {
		return nil, errors.Join(err, p.socket.close())
	}
	p.close = sync.OnceValue(p.end)
	err = h.lab.begin(p, func() {
		p.ended.Go(p.receive)
		p.ended.Go(p.send)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ping %s from %s: %w", target, h.Name, err), p.Close())
	}
	return p, nil
}

// newTicks returns a file that can be read once an interval. Unlike a timer of
// Go it is as fine as a millisecond needs; unlike a sleep in the kernel it keeps
// no other goroutine from running.
func newTicks(interval time.Duration) (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	every := unix.NsecToTimespec(interval.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		return nil, errors.Join(os.NewSyscallError("timerfd_settime", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "ticks"), nil
}

// Close ends the pings. What was seen stays readable.
func (p *Pinger) Close() error { return p.close() }

func (p *Pinger) end() error {
	err := errors.Join(
		p.ticks.SetReadDeadline(time.Now()),
		p.socket.file.SetReadDeadline(time.Now()),
	)
	p.ended.Wait()
	return errors.Join(err, p.ticks.Close(), p.socket.close())
}

// send sends one request a tick, until the deadline of the ticks. When it was
// kept from running it goes on from now instead of sending what it missed in a
// burst.
func (p *Pinger) send() {
	missed := make([]byte, 8) // a number of ticks
	for counter := uint64(0); ; counter++ {
		if _, err := p.ticks.Read(missed); err != nil {
			return
		}
		p.mu.Lock()
		p.sent = append(p.sent, echo{sent: time.Since(p.start)})
		p.mu.Unlock()
		// A request that cannot be sent is one that is not answered.
		_ = p.socket.send(counter)
	}
}

// receive reads until the socket's deadline. Other errors are those of single
// requests (host unreachable), which a connected socket reports on reading.
func (p *Pinger) receive() {
	for {
		got, ok, err := p.socket.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err == nil && ok {
			p.note(got)
		}
	}
}

// note writes an answer down. The kernel's time is that of the wall clock, which
// somebody may set; no answer came in before its predecessor or in the future.
func (p *Pinger) note(got answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if got.counter >= uint64(len(p.sent)) || p.sent[got.counter].answered {
		return
	}
	p.sent[got.counter].answered = true
	at := min(got.at.Sub(p.start), time.Since(p.start))
	if n := len(p.answers); n > 0 {
		at = max(at, p.answers[n-1])
	}
	p.answers = append(p.answers, at)
}

// Since returns what happened from a moment until now. An outage that had begun
// before counts whole; so does, up to now, one that lasts.
func (p *Pinger) Since(from time.Time) Outage {
	begin, now := from.Sub(p.start), time.Since(p.start)
	p.catchUp(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	end := time.Since(p.start)
	if n := len(p.answers); n > 0 && p.answers[n-1] >= now {
		end = p.answers[n-1]
	}
	out := Outage{Gap: longestGap(p.answers, begin, end)}
	last := begin
	for _, e := range p.sent {
		if e.sent < begin || e.sent > now {
			continue
		}
		out.Pause, last = max(out.Pause, e.sent-last), e.sent
		out.Sent++
		if !e.answered {
			out.Lost++
		}
	}
	return out
}

// catchUp waits until an answer was read that came in after now, so that those
// before it are known too. While there are none it does not wait for long.
func (p *Pinger) catchUp(now time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_ = p.WaitAnswers(ctx, p.start.Add(now), 1)
}

// longestGap returns the longest time between two neighbours among the answers
// of [begin, end], the one before begin, and end itself.
func longestGap(answers []time.Duration, begin, end time.Duration) time.Duration {
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
	return max(longest, end-last)
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
