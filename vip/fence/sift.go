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

// sift lets what is plainly not about a VIP go on, and asks at once about what is only
// about its address. It leaves to the rules what may have a VIP elsewhere, and what
// cannot be read in place. R1 stays the context.
func (p program) sift(m tables) asm.Instructions {
	short := atLease
	if p.hasMACRule() {
		short = atMAC
	}
	all := concat(siftFrame(short), p.siftMAC(m), at("sift type", siftType(0)))
	for tags := range maxTags {
		all = concat(all, siftLength(etherShort, atLease), siftType(tags+1))
	}
	return concat(all, p.siftIPv6(m), p.siftIPv4(m), siftJudge(), verdict(atGoOn, verdictGoOn))
}

// siftFrame finds the frame, from R2 to R3.
func siftFrame(short string) asm.Instructions {
	return append(asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, skbData, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, skbDataEnd, asm.Word),
	}, siftLength(etherShort, short)...)
}

// siftLength goes to short if so many bytes cannot be read in place; R2 is the frame less
// its tags.
func siftLength(size int32, short string) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, size),
		asm.JGT.Reg(asm.R4, asm.R3, short),
	}
}

// siftMAC asks the rule about what may be from a virtual MAC.
func (p program) siftMAC(m tables) asm.Instructions {
	if !p.hasMACRule() {
		return nil
	}
	return concat(
		asm.Instructions{asm.LoadMem(asm.R5, asm.R2, sourceAt, asm.Word)},
		mayBeVirtual(m, asm.R5, asm.R4, "sift virtual", "sift type"),
		at("sift virtual", askMACRule("sifted MAC")), siftFrame(atLease),
	)
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
func (p program) siftIPv6(m tables) asm.Instructions {
	address := etherSize + p.direction.addressAt(family6)
	all := append(at("sift IPv6", siftLength(etherShort6, atLease)),
		asm.LoadMem(asm.R5, asm.R2, etherSize+nextAt, asm.Byte))
	for _, next := range append(extensionHeaders(), int32(unix.IPPROTO_ICMPV6)) {
		all = append(all, asm.JEq.Imm(asm.R5, next, atLease))
	}
	return concat(all,
		asm.Instructions{
			asm.LoadMem(asm.R0, asm.R2, address, asm.DWord),
			asm.LoadMem(asm.R4, asm.R2, address+8, asm.DWord),
			asm.Add.Reg(asm.R0, asm.R4),
		},
		siftAddress(m, "may be a VIP6"),
		takeAddress6(asm.R2, address), setFamily(family6),
		asm.Instructions{asm.Ja.Label("sift judge")},
	)
}

func (p program) siftIPv4(m tables) asm.Instructions {
	address := etherSize + p.direction.addressAt(family4)
	return concat(
		asm.Instructions{asm.LoadMem(asm.R0, asm.R2, address, asm.Word).WithSymbol("sift IPv4")},
		siftAddress(m, "may be a VIP4"),
		asm.Instructions{asm.LoadMem(asm.R1, asm.R2, address, asm.Word)},
		takeAddress4(), setFamily(family4),
	)
}

// siftAddress goes on unless the sieve has a bit for the address in R0 (see sieveHash).
// It falls through with the interface in R6 if there are more leases than the cluster's.
func siftAddress(m tables, hit string) asm.Instructions {
	return asm.Instructions{
		asm.LoadImm(asm.R5, sieveMix, asm.DWord),
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
		asm.JNE.Imm(asm.R5, 0, hit),
		asm.Mov.Imm(asm.R0, verdictGoOn),
		asm.Return(),
		asm.LoadMapValue(asm.R4, m.shared.FD(), 0).WithSymbol(hit),
		asm.LoadMem(asm.R5, asm.R4, furtherAt, asm.Word),
		asm.JEq.Imm(asm.R5, 0, atCluster),
		asm.LoadMem(asm.R6, asm.R1, skbIfindex, asm.Word),
	}
}

// siftJudge goes on or drops by the key and the interface in R6.
func siftJudge() asm.Instructions {
	return concat(
		at("sift judge", askJudge(asm.Mov.Reg(asm.R2, asm.R6))),
		asm.Instructions{asm.JEq.Imm(asm.R0, 0, atGoOn)},
		verdict("sift drop", verdictDrop),
	)
}
