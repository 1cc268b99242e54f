package vrrpnet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads the clock of the engine, CLOCK_BOOTTIME, which goes on while the machine is suspended.
func Clock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Errorf("read CLOCK_BOOTTIME: %w", err)) // every Linux has it
	}
	return time.Duration(ts.Nano())
}

// maxReady is how many sockets are heard in one turn: all, after a pause in which many
// have something, or a backup would not know yet that its master is well.
const maxReady = 8192

// poller waits for packets, for a moment, and for being poked.
type poller struct {
	epoll, timer, event int
	armed               time.Duration  // when the timer goes off; 0 for never, -1 if it has
	others              [2]unix.PollFd // timer and event
	events              [maxReady]unix.EpollEvent
}

func newPoller() (*poller, error) {
	p := &poller{epoll: -1, timer: -1, event: -1}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) open() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make epoll: %w", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("make timerfd: %w", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("make eventfd: %w", err)
	}
	p.others = [2]unix.PollFd{{Fd: int32(p.timer), Events: unix.POLLIN}, {Fd: int32(p.event), Events: unix.POLLIN}}
	return errors.Join(p.add(p.timer), p.add(p.event))
}

func (p *poller) close() {
	for _, fd := range []int{p.epoll, p.timer, p.event} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// add has wait tell when there is something to read from fd, until that is closed.
func (p *poller) add(fd int) error {
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("add to epoll: %w", err)
	}
	return nil
}

// alarm has wait return at the given time, or somewhat sooner: a timer that is set
// for sooner is left alone. 0 is never.
func (p *poller) alarm(at time.Duration) error {
	if p.armed == at || p.armed > 0 && (at == 0 || p.armed < at) {
		return nil
	}
	p.armed = at
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(at))}
	if err := unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("set timerfd: %w", err)
	}
	return nil
}

// rung takes note that the timer has gone off. It is ready to read until it is set.
func (p *poller) rung() { p.armed = -1 }

// rest waits, but not for packets, so that more of them come in together, and a flood
// of them is not heeded all the time.
func (p *poller) rest(d time.Duration) error {
	timeout := unix.NsecToTimespec(int64(d))
	if errno := waitPoll(p.others[:], &timeout); errno != 0 && errno != unix.EINTR {
		return fmt.Errorf("wait: %w", errno)
	}
	return nil
}

// wait returns what is ready to read, valid until the next call.
func (p *poller) wait() ([]unix.EpollEvent, error) {
	for {
		switch n, errno := waitEpoll(p.epoll, p.events[:]); errno {
		case 0:
			return p.events[:n], nil
		case unix.EINTR:
		default:
			return nil, fmt.Errorf("wait for packets: %w", errno)
		}
	}
}

// poke makes wait return.
func (p *poller) poke() {
	one := [8]byte{0: 1, 7: 1}  // not 0 in any byte order
	unix.Write(p.event, one[:]) // it can only fail if wait is about to return
}

// poked takes back what poke did.
func (p *poller) poked() {
	var count [8]byte
	unix.Read(p.event, count[:])
}
