package fence

import "github.com/cilium/ebpf/asm"

// judge is a function of a key, and of the index of the packet's interface, that
// returns 0 unless the key's address is a VIP whose lease is over. The longest prefix
// counts. R6 is the key, R7 the interface.
func judge(m tables) asm.Instructions {
	const everywhere, found, none, over = "not scoped", "found", "no VIP", "over"
	return concat(
		at(atJudge, asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.Mov.Reg(asm.R7, asm.R2),
		}),
		leaveUnlessScoped(everywhere),
		widen(asm.R7),
		asm.Instructions{asm.StoreMem(asm.R6, keyScope, asm.R7, asm.DWord)},
		findKey(m.hosts.FD(), keyFamily),
		asm.Instructions{asm.JNE.Imm(asm.R0, 0, found)},
		at(everywhere, asm.Instructions{asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.R6, keyScope, asm.R1, asm.DWord)}),
		findKey(m.hosts.FD(), keyFamily),
		asm.Instructions{
			asm.JNE.Imm(asm.R0, 0, found),
			asm.LoadMapValue(asm.R1, m.shared.FD(), rangesAt),
			asm.LoadMem(asm.R1, asm.R1, 0, asm.Word),
			asm.JEq.Imm(asm.R1, 0, none),
		},
		findKey(m.ranges.FD(), 0),
		asm.Instructions{asm.JEq.Imm(asm.R0, 0, none)},
		at(found, leaveIfOver(m, over)),
		verdict(none, 0),
		verdict(over, 1),
	)
}

// leaveUnlessScoped goes to where unless the key's address begins as a link-local one of
// IPv6. (One of IPv4 that does is nobody's.)
func leaveUnlessScoped(where string) asm.Instructions {
	const mask, linkLocal = 0xffc0, 0xfe80
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R6, keyAddress, asm.Half),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.And.Imm(asm.R1, mask),
		asm.JNE.Imm(asm.R1, linkLocal, where),
	}
}

// findKey looks for what begins at an offset in the key at R6. R0 will be nil or point
// to the number of a lease.
func findKey(fd int, offset int32) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, fd),
		asm.Mov.Reg(asm.R2, asm.R6),
		asm.Add.Imm(asm.R2, offset),
		asm.FnMapLookupElem.Call(),
	}
}

// leaveIfOver goes to over unless the lease runs whose number R0 points to. There is
// none behind the last.
func leaveIfOver(m tables, over string) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R1, asm.R0, 0, asm.Word),
		asm.JGT.Imm(asm.R1, maxLeases, over),
		asm.LSh.Imm(asm.R1, 3),
		asm.LoadMapValue(asm.R2, m.shared.FD(), leasesAt),
		asm.Add.Reg(asm.R2, asm.R1),
		asm.LoadMem(asm.R8, asm.R2, 0, asm.DWord),
		asm.JEq.Imm(asm.R8, 0, over),
		asm.FnKtimeGetBootNs.Call(),
		asm.JGE.Reg(asm.R0, asm.R8, over),
	}
}
