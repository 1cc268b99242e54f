package clock

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/beevik/ntp"
)

func TestReadingOf(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	got := readingOf(&ntp.Response{
		Version: 4, Stratum: 3, ReferenceID: 0xc6120009, ClockOffset: -time.Second, RTT: time.Millisecond, Time: now, ReferenceTime: now.Add(-time.Minute),
	})
	want := Reading{Offset: time.Second, RoundTrip: time.Millisecond, Stratum: 3, From: netip.MustParseAddr("198.18.0.9"), Age: time.Minute}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	clockOfItsOwn := readingOf(&ntp.Response{Version: 4, Stratum: 1, ReferenceID: 0x47505300, Time: now, ReferenceTime: now})
	if clockOfItsOwn.From.IsValid() || clockOfItsOwn.Unsynchronized != "" {
		t.Errorf("%+v", clockOfItsOwn)
	}
	for name, r := range map[string]*ntp.Response{
		"stratum 16":           {Version: 4, Stratum: 16, Time: now, ReferenceTime: now},
		"a leap that says so":  {Version: 4, Stratum: 3, Leap: ntp.LeapNotInSync, Time: now, ReferenceTime: now},
		"nothing heard lately": {Version: 4, Stratum: 3, Time: now, ReferenceTime: now.Add(-7 * 24 * time.Hour)},
	} {
		if readingOf(r).Unsynchronized == "" {
			t.Errorf("%s: is taken for good", name)
		}
	}
}

// Who asks does not wait beyond the end.
func TestAskEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ctx, netip.MustParseAddr("127.0.0.1")); err == nil {
		t.Error("an answer after the end")
	}
}

// What keeps this node from asking is not held against the leader.
func TestExplain(t *testing.T) {
	read := func(errno syscall.Errno) error {
		return &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", errno)}
	}
	for _, tt := range []struct {
		err     error
		want    string
		unasked bool
	}{
		{&net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", syscall.EMFILE)}, "socket: too many open files", true},
		{&net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "connect: network is unreachable", true},
		{&net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("write", syscall.EPERM)}, "write: operation not permitted", true},
		{read(syscall.ECONNREFUSED), "recvfrom: connection refused", false},
		{&net.OpError{Op: "read", Net: "udp", Err: os.ErrDeadlineExceeded}, "no answer", false},
		{errors.New("short packet"), "short packet", false},
	} {
		if got := explain(tt.err); got.Error() != tt.want || errors.Is(got, ErrUnasked) != tt.unasked {
			t.Errorf("%v: %v, unasked %v", tt.err, got, errors.Is(got, ErrUnasked))
		}
	}
}
