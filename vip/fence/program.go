package fence

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

const programPrefix = "perch_" // of a program's name in the kernel

// Verdicts. "Go on" leaves the packet to the filters behind; 0 (TC_ACT_OK) would let
// it pass them by.
const (
	verdictGoOn = -1 // TC_ACT_UNSPEC
	verdictDrop = 2  // TC_ACT_SHOT
)

// direction is where a program runs.
type direction string

const (
	ingress direction = "ingress"
	egress  direction = "egress"
)

// directions is where each interface gets a program.
var directions = [...]direction{ingress, egress}

// framing is how a program finds the network header.
type framing string

const (
	// etherFraming has an Ethernet header, maybe with VLAN tags, and it is the header
	// that tells the protocol: skb->protocol is whatever a packet socket says.
	etherFraming framing = "ethernet"
	// otherFraming is left to the kernel: it knows the network header and the
	// protocol of what passes tunnels, PPP and the like.
	otherFraming framing = "network"
)

// program names one of the programs.
type program struct {
	direction direction
	framing   framing
}

// programs is all of them.
var programs = [...]program{{ingress, etherFraming}, {egress, etherFraming}, {ingress, otherFraming}, {egress, otherFraming}}

// tables are the maps that a program looks into.
type tables struct {
	shared *ebpf.Map // struct shared
	hosts  *ebpf.Map // VIPs that are one address, a hash map
	ranges *ebpf.Map // VIPs that are more, a trie
	macs   *ebpf.Map // virtual MACs, a hash map
}

// Offsets in the context, struct __sk_buff.
const (
	skbProtocol = 16
	skbIfindex  = 40
	skbData     = 76
	skbDataEnd  = 80
)

// Names of places in a program.
const (
	atGoOn    = "go on"
	atMAC     = "MAC"
	atLease   = "lease"
	atCluster = "cluster's lease"
	atDoubt   = "doubt"
	atRunning = "running"
	atRules   = "rules"
	atMACRule = "MAC rule"
	atJudge   = "judge"
)

const stackContext = stackKey - 8 // beside a key, all that is on the stack until the rules

// load puts a program into the kernel.
func (p program) load(m tables) (*ebpf.Program, error) {
	return load(programPrefix+string(p.direction)+"_"+string(p.framing[0]), p.assemble(m))
}

func load(name string, instructions asm.Instructions) (*ebpf.Program, error) {
	loaded, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: instructions, Flags: alignment(runtime.GOARCH),
	})
	if err != nil {
		return nil, explain("load BPF program "+name, err)
	}
	return loaded, nil
}

// assemble puts a program together, cheapest questions first:
//  1. Is it plainly not about a VIP, nor from a virtual MAC? Most packets end here
//     (sift.go).
//  2. Does the cluster's lease run, and is there no other? Then anything goes. What
//     belongs to the cluster's VIPs ends here.
//  3. Is it something that a rule forbids (macrule.go, rules.go), and the lease over
//     that it is under (judge.go)?
func (p program) assemble(m tables) asm.Instructions {
	if p.framing == etherFraming {
		return append(p.sift(m), p.decide(m)...)
	}
	return p.decide(m)
}

// decide asks the rule about MACs, for the cluster's lease, and then the rules. These are
// functions of their own so that only who gets there saves registers. R1 is the context,
// struct __sk_buff.
func (p program) decide(m tables) asm.Instructions {
	return concat(
		p.decideMAC(),
		asm.Instructions{
			asm.LoadMapValue(asm.R4, m.shared.FD(), 0).WithSymbol(atLease),
			asm.LoadMem(asm.R5, asm.R4, furtherAt, asm.Word),
			asm.JNE.Imm(asm.R5, 0, atDoubt),
			asm.LoadMem(asm.R6, asm.R4, leasesAt, asm.DWord).WithSymbol(atCluster),
			asm.JEq.Imm(asm.R6, 0, atDoubt),
			asm.StoreMem(asm.R10, stackContext, asm.R1, asm.DWord),
			asm.FnKtimeGetBootNs.Call(),
			asm.JLT.Reg(asm.R0, asm.R6, atRunning),
			asm.LoadMem(asm.R1, asm.R10, stackContext, asm.DWord),
			asm.Call.Label(atRules).WithSymbol(atDoubt),
			asm.Return(),
		},
		verdict(atRunning, verdictGoOn),
		p.rules(), p.ruleMAC(m), judge(m),
	)
}

// verdict ends a program or a function of it.
func verdict(place string, verdict int32) asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, verdict).WithSymbol(place), asm.Return()}
}

func concat(parts ...asm.Instructions) asm.Instructions {
	var all asm.Instructions
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// alignment are the flags of a program that loads words from any address. These processors
// can, and Linux knows; User-mode Linux on them has to be told.
func alignment(arch string) uint32 {
	switch arch {
	case "amd64", "arm64":
		return unix.BPF_F_ANY_ALIGNMENT
	}
	return 0
}

// explain says what is missing where the kernel only says no: the library would blame
// the limit of locked memory.
func explain(what string, err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %w (it takes CAP_BPF and CAP_NET_ADMIN; before Linux 5.11 also LimitMEMLOCK=infinity)", what, unix.EPERM)
	case errors.As(err, &verifier):
		return fmt.Errorf("%s: %w (it takes Linux 5.8)", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
