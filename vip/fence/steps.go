package fence

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
)

const fromNetworkHeader = 1 // BPF_HDR_START_NET

// at gives a place its name.
func at(place string, instructions asm.Instructions) asm.Instructions {
	instructions[0] = instructions[0].WithSymbol(place)
	return instructions
}

// read copies bytes of the packet, from R8 + offset, to the stack. A packet that ends
// before them goes on: it is too short for whoever would make sense of it.
func (p program) read(offset, size int32) asm.Instructions {
	return p.readOr(offset, size, atPass)
}

// readOr goes to short if the packet ends before the bytes.
func (p program) readOr(offset, size int32, short string) asm.Instructions {
	all := asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.R8),
		asm.Add.Imm(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.R10),
		asm.Add.Imm(asm.R3, stackRead),
		asm.Mov.Imm(asm.R4, size),
	}
	if p.framing == etherFraming {
		all = append(all, asm.FnSkbLoadBytes.Call())
	} else {
		all = append(all, asm.Mov.Imm(asm.R5, fromNetworkHeader), asm.FnSkbLoadBytesRelative.Call())
	}
	return append(all, asm.JNE.Imm(asm.R0, 0, short))
}

// takeAddress6 moves an IPv6 address from where a register points to the key.
func takeAddress6(from asm.Register, offset int16) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, from, offset, asm.DWord),
		asm.LoadMem(asm.R2, from, offset+8, asm.DWord),
		asm.StoreMem(asm.R10, stackAddress, asm.R1, asm.DWord),
		asm.StoreMem(asm.R10, stackAddress+8, asm.R2, asm.DWord),
	}
}

// The stack is written in whole words of 8 bytes: older kernels refuse to a daemon without
// CAP_PERFMON to write over part of one that a register was kept in.

// takeAddress4 moves an IPv4 address from R1 to the key, and fills it up with zeros.
func takeAddress4() asm.Instructions {
	return concat(widen(asm.R1), asm.Instructions{
		asm.StoreMem(asm.R10, stackAddress, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R1, 0),
		asm.StoreMem(asm.R10, stackAddress+8, asm.R1, asm.DWord),
	})
}

// widen has a register, whose upper half is 0, be stored as four bytes and then zeros.
func widen(r asm.Register) asm.Instructions {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return nil
	}
	return asm.Instructions{asm.LSh.Imm(r, 32)}
}

// joinWords has the first of two registers, whose upper halves are 0, be stored as four bytes of
// its own and then four of the second, which is lost.
func joinWords(first, second asm.Register) asm.Instructions {
	if all := widen(first); all != nil {
		return append(all, asm.Or.Reg(first, second))
	}
	return asm.Instructions{asm.LSh.Imm(second, 32), asm.Or.Reg(first, second)}
}

// setFamily completes the key of an address but for the interface. It needs R1.
func setFamily(family int) asm.Instructions {
	var head [8]byte
	bits := uint32(128)
	if family == family4 {
		bits = 32
	}
	binary.NativeEndian.PutUint32(head[:], familyBits+bits)
	binary.NativeEndian.PutUint32(head[keyFamily:], uint32(family))
	return asm.Instructions{
		asm.LoadImm(asm.R1, int64(binary.NativeEndian.Uint64(head[:])), asm.DWord),
		asm.StoreMem(asm.R10, stackKey, asm.R1, asm.DWord),
	}
}

// askJudge has R0 be what judge says of the key. The step takes the interface to R2.
func askJudge(takeInterface asm.Instruction) asm.Instructions {
	return asm.Instructions{
		takeInterface,
		asm.Mov.Reg(asm.R1, asm.R10),
		asm.Add.Imm(asm.R1, stackKey),
		asm.Call.Label(atJudge),
	}
}

// lookup drops the packet if the key's address is a VIP whose lease is over, or else
// goes on at miss.
func lookup(family int, miss string) asm.Instructions {
	return concat(
		setFamily(family),
		askJudge(asm.LoadMem(asm.R2, asm.R6, skbIfindex, asm.Word)),
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, atDrop), asm.Ja.Label(miss)},
	)
}
