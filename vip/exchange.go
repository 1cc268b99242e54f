package vip

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ackSize is what the kernel's answer to a request takes, without the request (NETLINK_CAP_ACK).
const ackSize = unix.SizeofNlMsghdr + 4 + unix.SizeofNlMsghdr

// errUnanswered is that of a request of which the kernel has not told what came of it.
var errUnanswered = errors.New("not answered by the kernel")

// exchange is several requests to the kernel that go in one datagram, and the answers to
// them, each of which names its request by a number. Its memory is used again and again.
type exchange struct {
	last     uint32 // number of a request
	requests []byte
	answers  [batchMost][]byte
	errs     [batchMost]error
}

func newExchange() *exchange {
	x := &exchange{}
	memory := make([]byte, batchMost*ackSize)
	for i := range x.answers {
		x.answers[i] = memory[i*ackSize : (i+1)*ackSize : (i+1)*ackSize]
	}
	return x
}

// With sends a request for each of at most batchMost addresses, and returns the errors
// of them in this order, until the next call.
func (x *exchange) With(t transport, kind, flags int, list []address) []error {
	first := x.last + 1
	x.requests = x.requests[:0]
	for i, a := range list {
		x.last++
		x.requests = appendRequest(x.requests, kind, flags|unix.NLM_F_ACK, x.last, a)
		x.errs[i] = errUnanswered
	}
	errs := x.errs[:len(list)]
	err := t.Deliver(x.requests)
	for waiting := len(list); err == nil && waiting > 0; {
		var n int
		n, err = t.Answers(x.answers[:])
		for _, b := range x.answers[:n] {
			number, told, ok := parseAck(b)
			if i := number - first; ok && i < uint32(len(errs)) && errs[i] == errUnanswered {
				errs[i] = told
				waiting--
			}
		}
	}
	for i := range errs {
		if err != nil && errs[i] == errUnanswered {
			errs[i] = fmt.Errorf("%w: %w", errUnanswered, err)
		}
	}
	return errs
}

// appendRequest appends a whole netlink message about an address.
func appendRequest(b []byte, kind, flags int, number uint32, a address) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, uint16(flags|unix.NLM_F_REQUEST))
	b = binary.NativeEndian.AppendUint32(b, number)
	b = append(b, 0, 0, 0, 0)
	b, kind = appendChange(b, kind, a)
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	binary.NativeEndian.PutUint16(b[start+4:], uint16(kind))
	return b
}

// parseAck reads the kernel's answer to a request: its number, and an error if it is no
// success.
func parseAck(b []byte) (number uint32, told error, ok bool) {
	if len(b) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(b[4:]) != unix.NLMSG_ERROR {
		return 0, nil, false
	}
	if code := int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
		told = unix.Errno(-code)
	}
	return binary.NativeEndian.Uint32(b[8:]), told, true
}
