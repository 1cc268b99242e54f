package fence

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// tcx programs see a packet before the filters, since kernel 6.6. One that is attached
// by bpf(BPF_PROG_ATTACH), without a link, outlives its process as a filter does.

func (d direction) tcx() ebpf.AttachType {
	if d == ingress {
		return ebpf.AttachTCXIngress
	}
	return ebpf.AttachTCXEgress
}

// tcxList is the tcx programs of an interface, in their order. It is empty where the
// kernel has no tcx. The thread must be in the interface's namespace here and below.
func tcxList(index int, d direction) (*link.QueryResult, error) {
	var list *link.QueryResult
	var err error
	for range dumpTries {
		list, err = link.QueryPrograms(link.QueryOptions{Target: index, Attach: d.tcx()})
		if !errors.Is(err, unix.ENOSPC) { // they became more as it was answered
			break
		}
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, ebpf.ErrNotSupported) {
		return &link.QueryResult{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list tcx programs: %w", err)
	}
	return list, nil
}

func tcxAttach(index int, d direction, p *ebpf.Program) error {
	return link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: index, Program: p, Attach: d.tcx(), Anchor: link.Head(),
	})
}

func tcxDetach(index int, d direction, p *ebpf.Program) error {
	return link.RawDetachProgram(link.RawDetachProgramOptions{Target: index, Program: p, Attach: d.tcx()})
}

const (
	bpfProgDetach = 9      // BPF_PROG_DETACH
	bpfProgQuery  = 16     // BPF_PROG_QUERY
	bpfBefore     = 1 << 3 // BPF_F_BEFORE
	bpfAfter      = 1 << 4 // BPF_F_AFTER
	bpfByID       = 1 << 5 // BPF_F_ID
)

// tcxDetachAfter detaches the program behind another, or the first if that is 0, if
// nothing has changed since revision. A program of which there is no file descriptor
// is only reached so: to get one by its ID takes CAP_SYS_ADMIN.
func tcxDetachAfter(index int, d direction, front ebpf.ProgramID, revision uint64) error {
	arguments := struct {
		target, program, attach, flags, replace, relative uint32
		revision                                          uint64
	}{
		target: uint32(index), attach: uint32(d.tcx()), flags: bpfAfter | bpfByID,
		relative: uint32(front), revision: revision,
	}
	if front == 0 {
		arguments.flags = bpfBefore // all others
	}
	_, _, errno := unix.Syscall(unix.SYS_BPF, bpfProgDetach, uintptr(unsafe.Pointer(&arguments)), unsafe.Sizeof(arguments))
	runtime.KeepAlive(&arguments)
	switch {
	case errno != 0 && front == 0:
		return fmt.Errorf("detach the first tcx program: %w", errno)
	case errno != 0:
		return fmt.Errorf("detach the tcx program behind program %d: %w", front, errno)
	}
	return nil
}

// tcxHidden tells whether this process may not list tcx programs: tcxList finds none.
func tcxHidden() bool {
	// The rest of union bpf_attr: no room for programs.
	arguments := struct {
		target, attach, flags, attachFlags uint32
		rest                               [6]uint64
	}{target: 1, attach: uint32(ebpf.AttachTCXIngress)}
	_, _, errno := unix.Syscall(unix.SYS_BPF, bpfProgQuery, uintptr(unsafe.Pointer(&arguments)), unsafe.Sizeof(arguments))
	runtime.KeepAlive(&arguments)
	return errno == unix.EPERM
}
