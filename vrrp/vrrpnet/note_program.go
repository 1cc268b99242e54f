package vrrpnet

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Names of places in the program.
const (
	toDrop   = "drop"
	toPass   = "pass"
	toCount  = "count"
	toAbsorb = "absorb"
)

// Offsets in the stack.
const (
	stackChunk = -chunk
	stackKey   = stackChunk - 16 // struct ownerKey
)

const fromNetwork = 1 // BPF_HDR_START_NET

// program is the filter of the sockets of a family, as an eBPF program. It drops what is
// for none of the VRIDs that the owners have for this socket, absorbs what its note says,
// and passes all else. It sees what the socket does, and the IPv6 header that goes before.
//
// R6 is the packet, R7 the note, R8 its word as it was at first, R9 the packet's length.
func (m *notes) program(ipv6 bool) asm.Instructions {
	return concat(
		asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)},
		loadVRID(ipv6),
		m.find(),
		lookAt(ipv6),
		asm.Instructions{asm.Ja.Label(toAbsorb)},
		absorb(),
		asm.Instructions{
			// In this order, and each for certain: who sees that it is shut sees the count.
			asm.LoadImm(asm.R1, 1<<seqShift, asm.DWord).WithSymbol(toCount),
			atomically(asm.AddAtomic, asm.R7, asm.R1, 0),
			asm.Mov.Imm(asm.R1, ^absorbing),
			atomically(asm.AndAtomic, asm.R7, asm.R1, 0),
			asm.Mov.Imm(asm.R0, 0xffff).WithSymbol(toPass),
			asm.Return(),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(toDrop),
			asm.Return(),
		},
	)
}

// loadVRID puts the VRID into the key. Packets without one are dropped.
func loadVRID(ipv6 bool) asm.Instructions {
	var at asm.Instructions
	if ipv6 {
		at = asm.Instructions{asm.Mov.Imm(asm.R2, 1)}
	} else {
		at = concat(
			asm.Instructions{asm.Mov.Imm(asm.R2, 0)}, loadBytes(1, toDrop),
			asm.Instructions{
				asm.LoadMem(asm.R2, asm.R10, stackChunk, asm.Byte),
				asm.And.Imm(asm.R2, 0xf), // the length of the header in words
				asm.LSh.Imm(asm.R2, 2),
				asm.Add.Imm(asm.R2, 1),
			})
	}
	return concat(at, loadBytes(1, toDrop), asm.Instructions{
		asm.LoadMem(asm.R1, asm.R10, stackChunk, asm.Byte),
		asm.StoreMem(asm.R10, stackKey+8, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetSocketCookie.Call(),
		asm.StoreMem(asm.R10, stackKey, asm.R0, asm.DWord),
	})
}

// loadBytes loads bytes of the packet, from the offset in R2, as many as given, or as in R4.
func loadBytes(count int32, orElse string) asm.Instructions {
	all := asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R3, asm.R10),
		asm.Add.Imm(asm.R3, stackChunk),
	}
	if count > 0 {
		all = append(all, asm.Mov.Imm(asm.R4, count))
	}
	return append(all, asm.FnSkbLoadBytes.Call(), asm.JNE.Imm(asm.R0, 0, orElse))
}

// find finds the note, and goes on if that is open for this socket.
func (m *notes) find() asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, m.owners.FD()),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, stackKey),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, toDrop),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
		asm.StoreMem(asm.R10, stackChunk, asm.R1, asm.Word),
		asm.LoadMapPtr(asm.R1, m.table.FD()),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, stackChunk),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, toPass), // noNote
		asm.Mov.Reg(asm.R7, asm.R0),
		asm.Mov.Imm(asm.R8, 0),
		atomically(asm.FetchAdd, asm.R7, asm.R8, 0), // a load that nothing behind it overtakes
		asm.Mov.Reg(asm.R1, asm.R8),
		asm.And.Imm(asm.R1, absorbing),
		asm.JEq.Imm(asm.R1, 0, toCount),
		asm.LoadMem(asm.R1, asm.R7, cookieAt, asm.DWord),
		asm.LoadMem(asm.R2, asm.R10, stackKey, asm.DWord),
		asm.JNE.Reg(asm.R1, asm.R2, toCount),
		asm.LoadMem(asm.R9, asm.R6, 0, asm.Word),
		asm.LoadMem(asm.R1, asm.R7, lengthAt, asm.DWord),
		asm.JNE.Reg(asm.R1, asm.R9, toCount),
		asm.JEq.Imm(asm.R9, 0, toCount),
	}
}

// lookAt compares the packet with the note.
func lookAt(ipv6 bool) asm.Instructions {
	var all asm.Instructions
	if ipv6 {
		all = concat(asm.Instructions{
			asm.Mov.Reg(asm.R1, asm.R6),
			asm.Mov.Imm(asm.R2, 0),
			asm.Mov.Reg(asm.R3, asm.R10),
			asm.Add.Imm(asm.R3, stackChunk),
			asm.Mov.Imm(asm.R4, headLength),
			asm.Mov.Imm(asm.R5, fromNetwork),
			asm.FnSkbLoadBytesRelative.Call(),
			asm.JNE.Imm(asm.R0, 0, toCount),
			asm.StoreImm(asm.R10, stackChunk, 0, asm.Word),
		}, compare(headAt, headLength))
	}
	for at := int32(0); at < bodyLength; at += chunk {
		all = append(all, lookAtChunk(at, at == 0 && !ipv6)...)
	}
	return all
}

// lookAtChunk compares a part of the packet, which has zeros after its end.
func lookAtChunk(at int32, header bool) asm.Instructions {
	rest := fmt.Sprintf("rest from %d", at)
	all := asm.Instructions{
		asm.JLE.Imm(asm.R9, at, toAbsorb),
		asm.Mov.Reg(asm.R4, asm.R9),
		asm.Sub.Imm(asm.R4, at),
		asm.JLE.Imm(asm.R4, chunk, rest),
		asm.Mov.Imm(asm.R4, chunk),
		asm.Mov.Imm(asm.R2, at).WithSymbol(rest),
		asm.Mov.Imm(asm.R1, 0),
	}
	for word := int16(0); word < chunk; word += 8 {
		all = append(all, asm.StoreMem(asm.R10, stackChunk+word, asm.R1, asm.DWord))
	}
	all = append(all, loadBytes(0, toCount)...)
	if header {
		all = append(all,
			asm.StoreImm(asm.R10, stackChunk+idAt, 0, asm.Half),
			asm.StoreImm(asm.R10, stackChunk+sumAt, 0, asm.Half))
	}
	return append(all, compare(int16(bodyAt+at), chunk)...)
}

func compare(at int16, length int16) asm.Instructions {
	var all asm.Instructions
	for word := int16(0); word < length; word += 8 {
		all = append(all,
			asm.LoadMem(asm.R1, asm.R7, at+word, asm.DWord),
			asm.LoadMem(asm.R2, asm.R10, stackChunk+word, asm.DWord),
			asm.JNE.Reg(asm.R1, asm.R2, toCount))
	}
	return all
}

// absorb takes note of when it was, unless the note has changed meanwhile.
func absorb() asm.Instructions {
	return asm.Instructions{
		asm.FnKtimeGetBootNs.Call().WithSymbol(toAbsorb),
		asm.RSh.Imm(asm.R0, unitShift),
		asm.LSh.Imm(asm.R0, 64-timeBits),
		asm.RSh.Imm(asm.R0, 64-timeBits-timeShift),
		asm.Or.Imm(asm.R0, absorbing),
		asm.Mov.Reg(asm.R1, asm.R8),
		asm.RSh.Imm(asm.R1, seqShift),
		asm.LSh.Imm(asm.R1, seqShift),
		asm.Or.Reg(asm.R1, asm.R0),
		asm.Mov.Reg(asm.R0, asm.R8),
		atomically(asm.CmpXchg, asm.R7, asm.R1, 0),
		asm.JNE.Reg(asm.R0, asm.R8, toCount),
		asm.Mov.Imm(asm.R1, 1),
		atomically(asm.AddAtomic, asm.R7, asm.R1, countAt),
		asm.Ja.Label(toDrop),
	}
}

// atomically does something to 64 bits of a note. The library leaves the constant out in
// which the kernel finds what: all would be additions.
func atomically(op asm.AtomicOp, dst, src asm.Register, at int16) asm.Instruction {
	i := op.Mem(dst, src, asm.DWord, at)
	i.Constant = int64(op >> 8)
	return i
}

// load puts the program into the kernel.
func (m *notes) load(ipv6 bool) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "perch_adverts", Type: ebpf.SocketFilter, License: "Apache-2.0", Instructions: m.program(ipv6),
	})
	if err != nil {
		return nil, fmt.Errorf("load BPF program for adverts: %w", err)
	}
	return p, nil
}

func concat(parts ...asm.Instructions) asm.Instructions {
	var all asm.Instructions
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
