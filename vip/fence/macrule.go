package fence

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const protocolVRRP = 112

// hasMACRule tells whether a program looks at the source MAC.
func (p program) hasMACRule() bool { return p.direction == egress && p.framing == etherFraming }

// virtualWord is virtualPrefix as a program reads it.
func virtualWord() int32 {
	prefix := virtualPrefix()
	return int32(binary.NativeEndian.Uint32(prefix[:]))
}

// decideMAC asks the rule about a frame of which nothing was read.
func (p program) decideMAC() asm.Instructions {
	if !p.hasMACRule() {
		return nil
	}
	return at(atMAC, askMACRule("MAC passes"))
}

// askMACRule drops what the rule forbids, and falls through with the rest. R1 is and
// stays the context.
func askMACRule(passes string) asm.Instructions {
	return asm.Instructions{
		asm.StoreMem(asm.R10, stackContext, asm.R1, asm.DWord),
		asm.Call.Label(atMACRule),
		asm.JEq.Imm(asm.R0, 0, passes),
		asm.Mov.Imm(asm.R0, verdictDrop),
		asm.Return(),
		asm.LoadMem(asm.R1, asm.R10, stackContext, asm.DWord).WithSymbol(passes),
	}
}

// ruleMAC is a function of the context that returns 0 unless the frame is from a virtual
// MAC whose lease is over: it would teach switches a wrong port. Adverts may leave, and
// nothing else can be one: a tag would not be on them here. R6 is the context, R9 the
// EtherType.
func (p program) ruleMAC(m tables) asm.Instructions {
	if !p.hasMACRule() {
		return nil
	}
	const pass, virtual, over, drop, ip4, ip6, protocol = "MAC pass", "MAC virtual", "MAC over", "MAC drop", "MAC IPv4", "MAC IPv6", "MAC protocol"
	return concat(
		at(atMACRule, asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R8, 0)}),
		p.readOr(sourceAt, etherSize-sourceAt, pass),
		asm.Instructions{asm.LoadMem(asm.R9, asm.R10, stackRead+typeAt-sourceAt, asm.Half)},
		asm.Instructions{asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Word)},
		mayBeVirtual(m, asm.R1, asm.R2, virtual, pass),
		at(virtual, takeMAC()),
		asm.Instructions{
			asm.LoadMapPtr(asm.R1, m.macs.FD()),
			asm.Mov.Reg(asm.R2, asm.R10),
			asm.Add.Imm(asm.R2, stackKey),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, pass),
		},
		leaveIfOver(m, over),
		verdict(pass, 0),
		at(over, asm.Instructions{
			asm.HostTo(asm.BE, asm.R9, asm.Half),
			asm.Mov.Imm(asm.R8, etherSize),
			asm.JEq.Imm(asm.R9, unix.ETH_P_IP, ip4),
			asm.JEq.Imm(asm.R9, unix.ETH_P_IPV6, ip6),
		}),
		verdict(drop, 1),
		at(ip4, p.readOr(protocolAt, 1, drop)),
		asm.Instructions{asm.Ja.Label(protocol)},
		at(ip6, p.readOr(nextAt, 1, drop)),
		at(protocol, asm.Instructions{
			asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Byte),
			asm.JEq.Imm(asm.R1, protocolVRRP, pass),
			asm.JEq.Imm(asm.R1, unix.IPPROTO_AH, pass),
			asm.Ja.Label(drop),
		}),
	)
}

// mayBeVirtual goes to may, which must follow, or to other if the word that a MAC begins
// with is of no virtual one: not that of the RFC, and there are no others. It needs a
// register more.
func mayBeVirtual(m tables, word, free asm.Register, may, other string) asm.Instructions {
	return asm.Instructions{
		asm.JEq.Imm(word, virtualWord(), may),
		asm.LoadMapValue(free, m.shared.FD(), 0),
		asm.LoadMem(free, free, unusualAt, asm.Word),
		asm.JEq.Imm(free, 0, other),
	}
}

// takeMAC makes a key of the source MAC that was read: see macKey. R1 has its first word.
func takeMAC() asm.Instructions {
	return concat(
		asm.Instructions{asm.LoadMem(asm.R2, asm.R10, stackRead+4, asm.Half)},
		joinWords(asm.R1, asm.R2),
		asm.Instructions{
			asm.StoreMem(asm.R10, stackKey, asm.R1, asm.DWord),
			asm.LoadMem(asm.R1, asm.R6, skbIfindex, asm.Word),
		},
		widen(asm.R1),
		asm.Instructions{asm.StoreMem(asm.R10, stackKey+8, asm.R1, asm.DWord)},
	)
}
