package fence

import (
	"errors"
	"fmt"

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
}

// Offsets in the context, struct __sk_buff.
const (
	skbProtocol = 16
	skbData     = 76
	skbDataEnd  = 80
)

// Names of places in a program.
const (
	atLease = "lease"
	atShut  = "shut"
	atGoOn  = "go on"
	atRules = "rules"
)

const stackContext = -8 // all that is on the stack until the rules

// load puts a program into the kernel.
func (p program) load(m tables) (*ebpf.Program, error) {
	return load(programPrefix+string(p.direction)+"_"+string(p.framing[0]), p.assemble(m))
}

func load(name string, instructions asm.Instructions) (*ebpf.Program, error) {
	loaded, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: instructions,
	})
	if err != nil {
		return nil, explain("load BPF program "+name, err)
	}
	return loaded, nil
}

// assemble puts a program together, cheapest questions first:
//  1. Is it plainly not about a VIP? Most packets end here (sift.go).
//  2. Does the lease run? Then anything goes. What belongs to the VIPs ends here.
//  3. Is it something that a rule forbids? (rules.go)
func (p program) assemble(m tables) asm.Instructions {
	if p.framing == etherFraming {
		return append(p.sift(m), p.decide(m)...)
	}
	return p.decide(m)
}

// decide asks for the lease, and then the rules. They are a function of their own so
// that only who gets there saves registers. R1 is the context, struct __sk_buff.
func (p program) decide(m tables) asm.Instructions {
	return concat(
		asm.Instructions{
			asm.StoreMem(asm.R10, stackContext, asm.R1, asm.DWord).WithSymbol(atLease),
			asm.LoadMapValue(asm.R2, m.shared.FD(), untilAt),
			asm.LoadMem(asm.R6, asm.R2, 0, asm.DWord),
			asm.JEq.Imm(asm.R6, 0, atShut),
			asm.FnKtimeGetBootNs.Call(),
			asm.JLT.Reg(asm.R0, asm.R6, atGoOn),
			asm.LoadMem(asm.R1, asm.R10, stackContext, asm.DWord).WithSymbol(atShut),
			asm.Call.Label(atRules),
			asm.Return(),
		},
		verdict(atGoOn, verdictGoOn),
		p.rules(m),
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
