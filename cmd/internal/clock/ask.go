package clock

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/beevik/ntp"
)

// askLimit bounds how long an answer of the leader is waited for.
const askLimit = time.Second

// ntpPort is that of every NTP server.
const ntpPort = 123

// Reading is what a server said of the time.
type Reading struct {
	Offset    time.Duration // of this node's clock: positive when it is ahead of the server's
	RoundTrip time.Duration
	Stratum   int
	// From is whose time the server has, by its word: the IPv4 address of another server.
	// For others, and over IPv6, it is something else.
	From netip.Addr
	// Age is how long ago the server last had the time from there, by its own clock.
	Age time.Duration
	// Unsynchronized says why the server's time is not to be followed, or is empty.
	Unsynchronized string
}

// Ask asks the NTP server of an address for the time.
func Ask(ctx context.Context, address netip.Addr) (Reading, error) {
	var end func() bool
	dial := func(_, remote string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: askLimit}).DialContext(ctx, "udp", remote)
		if err == nil {
			end = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		}
		return conn, err
	}
	at := netip.AddrPortFrom(address.Unmap(), ntpPort)
	answer, err := ntp.QueryWithOptions(at.String(), ntp.QueryOptions{Timeout: askLimit, Dialer: dial})
	if end != nil {
		end()
	}
	if err != nil {
		return Reading{}, explain(err)
	}
	return readingOf(answer), nil
}

func readingOf(r *ntp.Response) Reading {
	out := Reading{Offset: -r.ClockOffset, RoundTrip: r.RTT, Stratum: int(r.Stratum), Age: r.Time.Sub(r.ReferenceTime)}
	if id := r.ReferenceID; r.Stratum > 1 {
		out.From = netip.AddrFrom4([4]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
	}
	if err := r.Validate(); err != nil {
		out.Unsynchronized = err.Error()
	}
	return out
}

// ErrUnasked is a question that has not left this node.
var ErrUnasked = errors.New("not asked")

// unasked is an ErrUnasked in words of its own.
type unasked struct{ error }

func (e unasked) Unwrap() []error { return []error{e.error, ErrUnasked} }

// errSilent says what a timeout is, without the addresses that package net puts before it.
var errSilent = errors.New("no answer")

// explain leaves out of an error what its reader knows. What the kernel refuses is this node's
// own trouble, but for the refusal that comes back from the leader.
func explain(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errSilent
	}
	said := err
	if op, ok := errors.AsType[*net.OpError](err); ok {
		said = op.Err
	}
	if _, refused := errors.AsType[syscall.Errno](err); refused && !errors.Is(err, syscall.ECONNREFUSED) {
		return unasked{said}
	}
	return said
}
