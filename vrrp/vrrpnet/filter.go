package vrrpnet

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// vrids is a set of VRIDs, a bit for each.
type vrids [8]uint32

func (v *vrids) add(vrid uint8) { v[vrid/32] |= 1 << (vrid % 32) }

func (v *vrids) has(vrid uint8) bool { return v[vrid/32]>>(vrid%32)&1 == 1 }

// others are all that are not in the set.
func (v *vrids) others() *vrids {
	var others vrids
	for i, word := range v {
		others[i] = ^word
	}
	return &others
}

// filter is a program for a socket that passes what is for these VRIDs, so that
// nobody else's adverts wake the engine. It sees what the socket does: over IPv4 the
// IP header, too.
func (v *vrids) filter(kind receiverKind) []bpf.Instruction {
	vrid := bpf.Instruction(bpf.LoadAbsolute{Off: 1, Size: 1})
	switch {
	case kind.protocol == protocolAH:
		vrid = bpf.LoadIndirect{Off: ahLength + 1, Size: 1}
	case !kind.ipv6:
		vrid = bpf.LoadIndirect{Off: 1, Size: 1}
	}
	program := []bpf.Instruction{
		bpf.LoadMemShift{Off: 0}, // the length of the IPv4 header, to X
		vrid,
		bpf.StoreScratch{Src: bpf.RegA},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5},
	}
	for i, word := range v {
		rest := len(v) - 1 - i
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(i), SkipTrue: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: word},
			bpf.Jump{Skip: uint32(3 * rest)})
	}
	return append(program,
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 0xffff}, // all of it, or nothing
		bpf.RetA{})
}

// nothing is a program that passes no packet.
var nothing = []bpf.Instruction{bpf.RetConstant{}}

func attachFilter(fd int, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]})
}
