package fence

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Where things are in a frame.
const (
	typeAt      = 12 // EtherType, in a frame without tags
	tagSize     = 4
	maxTags     = 2
	etherSize   = 14
	sourceAt    = 6 // MAC
	ipv4Size    = 20
	ipv6Size    = 40
	nextAt      = 6 // Next Header, in the IPv6 header
	protocolAt  = 9 // in the IPv4 header
	etherShort  = etherSize + ipv4Size
	etherShort6 = etherSize + ipv6Size
)

// addressAt is where the address is that makes a packet one of a VIP: at ingress the
// destination, at egress the source.
func (d direction) addressAt(family int) int16 {
	switch {
	case family == family4 && d == ingress:
		return 16
	case family == family4:
		return 12
	case d == ingress:
		return 24
	}
	return 8
}

// sift lets what is plainly not about a VIP go on, and sends the rest to the lease, or
// if it may be from a virtual MAC to that rule. It reads the packet in place, and what
// cannot be read in place it leaves to the rules. R1 stays the context.
func (p program) sift(m tables) asm.Instructions {
	all := asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, skbData, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, skbDataEnd, asm.Word),
	}
	short := atLease
	if p.hasMACRule() {
		short = atMAC
	}
	all = concat(all, siftLength(0, short), p.siftMAC(), siftType(0))
	for tags := range maxTags {
		all = concat(all, siftLength(tags+1, atLease), siftType(tags+1))
	}
	return concat(all, p.siftIPv6(), p.siftIPv4(), siftAddress(m))
}

// siftLength goes to short if an IPv4 header cannot be read in place behind so many
// tags; R2 is the frame less the tags.
func siftLength(tags int, short string) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R4, asm.R2).WithSymbol(fmt.Sprint("tags ", tags)),
		asm.Add.Imm(asm.R4, etherShort),
		asm.JGT.Reg(asm.R4, asm.R3, short),
	}
}

// siftMAC sends what may be from a virtual MAC to that rule.
func (p program) siftMAC() asm.Instructions {
	if !p.hasMACRule() {
		return nil
	}
	return asm.Instructions{
		asm.LoadMem(asm.R5, asm.R2, sourceAt, asm.Word),
		asm.JEq.Imm(asm.R5, virtualWord(), atMAC),
	}
}

// siftType finds the protocol behind so many tags.
func siftType(tags int) asm.Instructions {
	all := asm.Instructions{
		asm.LoadMem(asm.R5, asm.R2, typeAt, asm.Half),
		asm.HostTo(asm.BE, asm.R5, asm.Half),
		asm.JEq.Imm(asm.R5, unix.ETH_P_IP, "sift IPv4"),
		asm.JEq.Imm(asm.R5, unix.ETH_P_IPV6, "sift IPv6"),
		asm.JEq.Imm(asm.R5, unix.ETH_P_ARP, atLease),
	}
	if tags == maxTags {
		return append(all, asm.Ja.Label(atGoOn))
	}
	tag := fmt.Sprint("tag ", tags)
	return append(all,
		asm.JEq.Imm(asm.R5, unix.ETH_P_8021Q, tag),
		asm.JNE.Imm(asm.R5, unix.ETH_P_8021AD, atGoOn),
		asm.Add.Imm(asm.R2, tagSize).WithSymbol(tag),
	)
}

// siftIPv6 leaves to the rules what may be neighbor discovery: the VIP is not in its
// header.
func (p program) siftIPv6() asm.Instructions {
	at := etherSize + p.direction.addressAt(family6)
	all := asm.Instructions{
		asm.Mov.Reg(asm.R4, asm.R2).WithSymbol("sift IPv6"),
		asm.Add.Imm(asm.R4, etherShort6),
		asm.JGT.Reg(asm.R4, asm.R3, atLease),
		asm.LoadMem(asm.R5, asm.R2, etherSize+nextAt, asm.Byte),
	}
	for _, next := range append(extensionHeaders(), int32(unix.IPPROTO_ICMPV6)) {
		all = append(all, asm.JEq.Imm(asm.R5, next, atLease))
	}
	return append(all,
		asm.LoadMem(asm.R0, asm.R2, at, asm.DWord),
		asm.LoadMem(asm.R4, asm.R2, at+8, asm.DWord),
		asm.Add.Reg(asm.R0, asm.R4),
		asm.Ja.Label("sift"),
	)
}

func (p program) siftIPv4() asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R0, asm.R2, etherSize+p.direction.addressAt(family4), asm.Word).WithSymbol("sift IPv4"),
	}
}

// siftAddress goes on unless the sieve has a bit for the address in R0 (see sieveHash).
func siftAddress(m tables) asm.Instructions {
	return append(asm.Instructions{
		asm.LoadImm(asm.R5, sieveMix, asm.DWord).WithSymbol("sift"),
		asm.Mul.Reg(asm.R0, asm.R5),
		asm.RSh.Imm(asm.R0, 64-sieveOrder),
		asm.Mov.Reg(asm.R4, asm.R0),
		asm.RSh.Imm(asm.R4, 6),
		asm.LSh.Imm(asm.R4, 3),
		asm.LoadMapValue(asm.R5, m.shared.FD(), sieveAt),
		asm.Add.Reg(asm.R5, asm.R4),
		asm.LoadMem(asm.R5, asm.R5, 0, asm.DWord),
		asm.RSh.Reg(asm.R5, asm.R0), // by the low 6 bits
		asm.And.Imm(asm.R5, 1),
		asm.JNE.Imm(asm.R5, 0, atLease),
	}, verdict(atGoOn, verdictGoOn)...)
}
