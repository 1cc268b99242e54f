package fence

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// The stack: a key as in key.go, and what was last read from the packet.
const (
	stackKey     = -(keySize + 4) // and a word's rest: aligned for the address
	stackAddress = stackKey + keyAddress
	stackRead    = stackKey - 24 // the longest read: neighbor discovery up to the target
)

// More places in a program.
const (
	atPass = "pass"
	atDrop = "drop"
	atIPv4 = "IPv4"
	atIPv6 = "IPv6"
	atARP  = "ARP"
)

const (
	maxExtensions = 3 // headers between IPv6 and neighbor discovery

	arpFixed  = 8 // from the start to the sender's hardware address
	arpIPSize = 4

	ndTargetAt = 8
	ndSize     = 24
	ndSolicit  = 135
	ndAdvert   = 136
)

// extensionHeaders are those that may stand before neighbor discovery. (A fragment
// header may not, RFC 6980.)
func extensionHeaders() []int32 {
	return []int32{unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS}
}

// rules is a function of the context that returns the verdict: to drop what would answer
// for a VIP whose lease is over, or ask for it. R6 is the context and R8 will be the offset of the network
// header, R9 the protocol.
func (p program) rules() asm.Instructions {
	return concat(
		at(atRules, asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}),
		p.findProtocol(), p.ruleIPv4(), p.ruleARP(), p.ruleIPv6(), p.ruleND(),
		verdict(atPass, verdictGoOn), verdict(atDrop, verdictDrop),
	)
}

// findProtocol goes to the protocol's rule.
func (p program) findProtocol() asm.Instructions {
	var all asm.Instructions
	if p.framing == etherFraming {
		all = p.skipTags()
	} else {
		all = asm.Instructions{
			asm.LoadMem(asm.R9, asm.R6, skbProtocol, asm.Word),
			asm.HostTo(asm.BE, asm.R9, asm.Half),
			asm.Mov.Imm(asm.R8, 0),
		}
	}
	return append(all,
		asm.JEq.Imm(asm.R9, unix.ETH_P_IP, atIPv4),
		asm.JEq.Imm(asm.R9, unix.ETH_P_IPV6, atIPv6),
		asm.JEq.Imm(asm.R9, unix.ETH_P_ARP, atARP),
		asm.Ja.Label(atPass),
	)
}

func (p program) skipTags() asm.Instructions {
	all := asm.Instructions{asm.Mov.Imm(asm.R8, typeAt)}
	for tags := range maxTags + 1 {
		all = concat(all, p.read(0, 2), asm.Instructions{
			asm.LoadMem(asm.R9, asm.R10, stackRead, asm.Half),
			asm.HostTo(asm.BE, asm.R9, asm.Half),
		})
		if tags == maxTags {
			break
		}
		tag := fmt.Sprint("skip tag ", tags)
		all = append(all,
			asm.JEq.Imm(asm.R9, unix.ETH_P_8021Q, tag),
			asm.JNE.Imm(asm.R9, unix.ETH_P_8021AD, "no tag"),
			asm.Add.Imm(asm.R8, tagSize).WithSymbol(tag),
		)
	}
	return append(all, asm.Add.Imm(asm.R8, 2).WithSymbol("no tag"))
}

// ruleIPv4 drops IPv4 to a VIP at ingress, from a VIP at egress.
func (p program) ruleIPv4() asm.Instructions {
	return concat(
		at(atIPv4, p.read(int32(p.direction.addressAt(family4)), arpIPSize)),
		asm.Instructions{asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Word)},
		takeAddress4(),
		lookup(family4, atPass),
	)
}

// ruleARP drops at ingress what asks for a VIP, at egress what has it as sender. The
// owner's own announcement, in which sender and target are one, comes in.
func (p program) ruleARP() asm.Instructions {
	all := concat(
		at(atARP, p.read(0, arpFixed)),
		asm.Instructions{
			asm.LoadMem(asm.R1, asm.R10, stackRead+2, asm.Half), // protocol of the addresses
			asm.HostTo(asm.BE, asm.R1, asm.Half),
			asm.JNE.Imm(asm.R1, unix.ETH_P_IP, atPass),
			asm.LoadMem(asm.R1, asm.R10, stackRead+5, asm.Byte), // and their length
			asm.JNE.Imm(asm.R1, arpIPSize, atPass),
			asm.LoadMem(asm.R9, asm.R10, stackRead+4, asm.Byte), // that of hardware addresses
			asm.Add.Reg(asm.R8, asm.R9),
		},
		p.read(arpFixed, arpIPSize),
		asm.Instructions{asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Word)},
	)
	if p.direction == ingress {
		all = concat(all,
			asm.Instructions{asm.Mov.Reg(asm.R7, asm.R1), asm.Add.Reg(asm.R8, asm.R9)},
			p.read(arpFixed+arpIPSize, arpIPSize),
			asm.Instructions{
				asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Word),
				asm.JEq.Reg(asm.R1, asm.R7, atPass),
			},
		)
	}
	return concat(all, takeAddress4(), lookup(family4, atPass))
}

// ruleIPv6 drops IPv6 to a VIP at ingress, from a VIP at egress, and leaves the rest
// to ruleND.
func (p program) ruleIPv6() asm.Instructions {
	return concat(
		at(atIPv6, p.read(int32(p.direction.addressAt(family6)), 16)),
		takeAddress6(asm.R10, stackRead),
		lookup(family6, "not from or to a VIP"),
	)
}

// ruleND drops at ingress a solicitation for a VIP, at egress an advertisement for it,
// and a solicitation only if it comes from the unspecified address: then it claims the
// VIP (RFC 4862, 5.4). A standby may be a client of the VIP and ask where it is.
func (p program) ruleND() asm.Instructions {
	all := concat(
		at("not from or to a VIP", p.read(nextAt, 1)),
		asm.Instructions{
			asm.LoadMem(asm.R9, asm.R10, stackRead, asm.Byte),
			asm.Add.Imm(asm.R8, ipv6Size),
		},
	)
	for number := range maxExtensions {
		all = append(all, p.skipExtension(number)...)
	}
	all = concat(all,
		asm.Instructions{asm.JNE.Imm(asm.R9, unix.IPPROTO_ICMPV6, atPass)},
		at("ICMPv6", p.read(0, ndSize)),
		asm.Instructions{asm.LoadMem(asm.R1, asm.R10, stackRead, asm.Byte)},
	)
	if p.direction == ingress {
		all = append(all, asm.JNE.Imm(asm.R1, ndSolicit, atPass))
	} else {
		all = append(all,
			asm.JEq.Imm(asm.R1, ndAdvert, "target"),
			asm.JNE.Imm(asm.R1, ndSolicit, atPass),
			asm.LoadMem(asm.R1, asm.R10, stackAddress, asm.DWord), // the source still
			asm.LoadMem(asm.R2, asm.R10, stackAddress+8, asm.DWord),
			asm.Or.Reg(asm.R1, asm.R2),
			asm.JNE.Imm(asm.R1, 0, atPass),
		)
	}
	return concat(all, at("target", takeAddress6(asm.R10, stackRead+ndTargetAt)), lookup(family6, atPass))
}

// skipExtension moves R8 and R9 behind one extension header.
func (p program) skipExtension(number int) asm.Instructions {
	all := asm.Instructions{asm.JEq.Imm(asm.R9, unix.IPPROTO_ICMPV6, "ICMPv6")}
	skip := fmt.Sprint("skip extension ", number)
	for _, header := range extensionHeaders() {
		all = append(all, asm.JEq.Imm(asm.R9, header, skip))
	}
	return concat(all,
		asm.Instructions{asm.Ja.Label(atPass)},
		at(skip, p.read(0, 2)),
		asm.Instructions{
			asm.LoadMem(asm.R9, asm.R10, stackRead, asm.Byte),
			asm.LoadMem(asm.R1, asm.R10, stackRead+1, asm.Byte), // in units of 8 bytes, less one
			asm.LSh.Imm(asm.R1, 3),
			asm.Add.Imm(asm.R1, 8),
			asm.Add.Reg(asm.R8, asm.R1),
		},
	)
}
