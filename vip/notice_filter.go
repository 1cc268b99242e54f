package vip

import (
	"encoding/binary"
	"fmt"
	"math"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// noticeFilter keeps notifications of all routes away but of those to ranges: a router
// may have thousands in a second, and each address has one.
func noticeFilter() []bpf.Instruction {
	const (
		kind     = 4                       // offset of nlmsg_type
		protocol = unix.SizeofNlMsghdr + 5 // of rtm_protocol
	)
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: kind, Size: 2},
		bpf.JumpIf{Val: loaded(unix.RTM_NEWROUTE), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: loaded(unix.RTM_DELROUTE), SkipTrue: 2},
		bpf.LoadAbsolute{Off: protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: rangeProtocol, SkipTrue: 1},
		bpf.RetConstant{Val: math.MaxUint32},
		bpf.RetConstant{},
	}
}

// loaded is what a filter, which reads numbers as they go over a network, makes of one of
// this machine.
func loaded(kind uint16) uint32 {
	return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, kind)))
}

func filterNotices(fd int) error {
	program, err := sockFilter(noticeFilter())
	if err != nil {
		return err
	}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}); err != nil {
		return fmt.Errorf("filter netlink notifications: %w", err)
	}
	return nil
}

// sockFilter is a program as the kernel takes it.
func sockFilter(filter []bpf.Instruction) ([]unix.SockFilter, error) {
	program, err := bpf.Assemble(filter)
	if err != nil {
		return nil, err
	}
	code := make([]unix.SockFilter, len(program))
	for i, op := range program {
		code[i] = unix.SockFilter{Code: op.Op, Jt: op.Jt, Jf: op.Jf, K: op.K}
	}
	return code, nil
}
