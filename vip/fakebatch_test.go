package vip

import (
	"encoding/binary"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is how the fake kernel takes several requests at once.

func (k *fakeKernel) Deliver(requests []byte) error {
	k.calls.delivered++
	messages, err := syscall.ParseNetlinkMessage(requests)
	if err != nil {
		return err
	}
	for _, msg := range messages {
		_, err := k.Request(int(msg.Header.Type), int(msg.Header.Flags), msg.Data, 0)
		if !k.silent {
			k.answers = append(k.answers, appendAck(nil, msg.Header, err))
		}
	}
	return nil
}

// appendAck appends the kernel's answer to a request.
func appendAck(b []byte, asked syscall.NlMsghdr, err error) []byte {
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EIO
	}
	b = binary.NativeEndian.AppendUint32(b, ackSize)
	b = binary.NativeEndian.AppendUint16(b, unix.NLMSG_ERROR)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint32(b, asked.Seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
	return append(b, make([]byte, unix.SizeofNlMsghdr)...)
}

func (k *fakeKernel) Answers(into [][]byte) (int, error) {
	k.calls.answered++
	if len(k.answers) == 0 {
		return 0, unix.EAGAIN
	}
	n := min(len(into), len(k.answers))
	for i := range n {
		into[i] = append(into[i][:0], k.answers[i]...)
	}
	k.answers = k.answers[n:]
	return n, nil
}
