package ipvs

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// controller is a socket to the family that every kernel has. It refuses command 3 without
// the name of a family, and does not know command 200.
func controller(t *testing.T) *socket {
	t.Helper()
	s, err := openFamily("nlctrl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Each request gets its own answer, also in the batches behind the first.
func TestSocketAnswers(t *testing.T) {
	t.Parallel()
	s := controller(t)
	requests := make([]request, 3*batch+1)
	want := make([]error, len(requests))
	for i := range requests {
		requests[i].command, want[i] = 200, unix.EOPNOTSUPP
		if i%7 == 0 {
			requests[i].command, want[i] = 3, unix.EINVAL
		}
	}
	got := s.send(requests)
	if len(got) != len(want) {
		t.Fatalf("%d answers to %d requests", len(got), len(want))
	}
	for i := range want {
		if !errors.Is(got[i], want[i]) {
			t.Errorf("request %d: %v, want %v", i, got[i], want[i])
		}
	}
	if got := s.send(nil); len(got) != 0 {
		t.Errorf("nothing is answered by %v", got)
	}
}

// What is left of a request whose answer nobody read is no answer to another.
func TestSocketForgets(t *testing.T) {
	t.Parallel()
	s := controller(t)
	stale := netlink.Message{Header: netlink.Header{Type: netlink.HeaderType(s.family), Flags: netlink.Request}, Data: []byte{200, 1, 0, 0}}
	if _, err := s.netlink.Send(stale); err != nil {
		t.Fatal(err)
	}
	if got := s.send([]request{{command: 3}})[0]; !errors.Is(got, unix.EINVAL) {
		t.Error(got)
	}
}

// An answer that is no error is not taken for success: no command of perch has one.
func TestSocketUnexpectedAnswer(t *testing.T) {
	t.Parallel()
	s := controller(t)
	enc := netlink.NewAttributeEncoder()
	enc.String(2, "nlctrl")
	data, err := enc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.send([]request{{command: 3, data: data}})[0]; err == nil {
		t.Error("no error")
	}
}

func TestErrnoOf(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 8)
	refused := binary.NativeEndian.AppendUint32(nil, ^uint32(unix.EPERM)+1) // negative, as the kernel has it
	for _, test := range []struct {
		name   string
		answer syscall.NetlinkMessage
		want   error // nil: any
		ok     bool
	}{
		{name: "done", answer: syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.NLMSG_ERROR}, Data: zeros}, ok: true},
		{name: "refused", answer: syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.NLMSG_ERROR}, Data: refused}, want: unix.EPERM},
		{name: "cut off", answer: syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.NLMSG_ERROR}, Data: zeros[:3]}},
		{name: "of another type", answer: syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: unix.NLMSG_DONE}, Data: zeros}},
	} {
		err := errnoOf(test.answer)
		if (err == nil) != test.ok || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
