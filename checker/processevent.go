package checker

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The process events of the kernel, linux/cn_proc.h: in a netlink message a connector
// message, and in that the event.
const (
	cnIdxProc = 1
	cnValProc = 1

	procListen = 1
	procIgnore = 2

	eventFork = 0x001
	eventExec = 0x002
	eventComm = 0x200

	connectorHeader = 20 // bytes
	eventHeader     = 16
	whatAt          = unix.SizeofNlMsghdr + connectorHeader
	dataAt          = whatAt + eventHeader
	eventSize       = dataAt + 16 // as far as it is read
)

// processEventRequest returns the message that begins or ends the events.
func processEventRequest(operation uint32) []byte {
	const size = whatAt + 4
	b := make([]byte, size)
	binary.NativeEndian.PutUint32(b, size)
	binary.NativeEndian.PutUint16(b[4:], unix.NLMSG_DONE)
	connector := b[unix.SizeofNlMsghdr:]
	binary.NativeEndian.PutUint32(connector, cnIdxProc)
	binary.NativeEndian.PutUint32(connector[4:], cnValProc)
	binary.NativeEndian.PutUint16(connector[16:], 4) // length of the operation
	binary.NativeEndian.PutUint32(b[whatAt:], operation)
	return b
}

// parseProcessEvents returns the processes that are new or another in a datagram. A thread
// is no process.
func parseProcessEvents(b []byte) []int {
	var pids []int
	for len(b) >= unix.SizeofNlMsghdr {
		size := binary.NativeEndian.Uint32(b)
		if size < unix.SizeofNlMsghdr || uint64(size) > uint64(len(b)) {
			return pids
		}
		if pid, is := parseProcessEvent(b[:size]); is {
			pids = append(pids, pid)
		}
		b = b[min(len(b), int(size+3)&^3):]
	}
	return pids
}

func parseProcessEvent(b []byte) (pid int, is bool) {
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	if len(b) < eventSize || word(unix.SizeofNlMsghdr) != cnIdxProc || word(unix.SizeofNlMsghdr+4) != cnValProc {
		return 0, false
	}
	at := dataAt
	switch word(whatAt) {
	case eventFork:
		at += 8 // behind the parent
	case eventExec, eventComm:
	default:
		return 0, false
	}
	thread, process := word(at), word(at+4)
	return int(process), thread == process && process > 0 && process <= 1<<30
}

// processEventFilter passes the events that parseProcessEvents has a use for, of all that
// the kernel tells: of a busy machine those would be many.
func processEventFilter() []bpf.Instruction {
	pass, drop := bpf.RetConstant{Val: 1 << 16}, bpf.RetConstant{}
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: whatAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: filterWord(eventFork), SkipTrue: 6},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: filterWord(eventExec), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: filterWord(eventComm), SkipTrue: 9},
		bpf.LoadAbsolute{Off: dataAt, Size: 4},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: dataAt + 4, Size: 4},
		bpf.Jump{Skip: 3},
		bpf.LoadAbsolute{Off: dataAt + 8, Size: 4},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: dataAt + 12, Size: 4},
		bpf.JumpIfX{Cond: bpf.JumpNotEqual, SkipTrue: 1},
		pass,
		drop,
	}
}

// filterWord returns a number as a filter sees it, which reads in network byte order.
func filterWord(n uint32) uint32 {
	return binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, n))
}
