package vip

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// frameLimit is how much of a frame is read. The longest advertisement that any
// host sends is far shorter.
const frameLimit = 1514

// forUs lets frames pass that are for this host or for many. Others come along on
// a promiscuous interface, or belong to a VLAN that has no interface here: there
// the same address is somebody else's.
func forUs(filter []bpf.Instruction) []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: unix.PACKET_MULTICAST, SkipFalse: 1},
		bpf.RetConstant{},
	}, filter...)
}

// arpFilter passes the ARP packets that name a sender, of all that are ARP.
func arpFilter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: etherHeader + 14, Size: 4}, // sender protocol address
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: frameLimit},
	}
}

// naFilter passes the neighbor advertisements, of all that is IPv6. Behind an
// extension header there is none that any host sends.
func naFilter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: etherHeader + 6, Size: 2}, // next header, hop limit
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6<<8 | hopLimit, SkipTrue: 2},
		bpf.LoadAbsolute{Off: etherHeader + ipv6Header, Size: 1}, // type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpNeighborAdvertisement, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: frameLimit},
	}
}

// deafFilter passes nothing.
func deafFilter() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{}} }
