package fence

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is the name of all tables of perch.
const tableName = "perch"

// Priorities of the chains: before connection tracking and defragmentation have
// touched what comes in, after source NAT has given what goes out its address.
const (
	priorityIn  = -450
	priorityOut = 300
)

// Hooks of the arp family (linux/netfilter_arp.h).
const (
	hookArpIn  = 0
	hookArpOut = 1
)

// Types of ICMPv6 messages (RFC 4861 sections 4.3 and 4.4), both of which name
// their target in bytes 8 to 24.
const (
	neighborSolicitation  = 135
	neighborAdvertisement = 136
)

// Names within the tables. A base chain in netdev is named for its interface.
const (
	setVIP4      = "vip4"
	setVIP6      = "vip6"
	chainGate    = "gate"   // drops unless the lease runs
	chainEgress  = "egress" // what an interface may not send
	devicePrefix = "device" // and the index of the interface
)

// layout is one table as it has to be.
type layout struct {
	table  nftables.Table
	vips   []string // sets of VIPs
	leases []byte   // keys of the elements of the lease set: what nfproto is here
	chains []chainLayout
}

// chainLayout is one chain and its rules, in order.
type chainLayout struct {
	name     string
	hook     *nftables.ChainHook // nil for a chain that others jump to
	priority nftables.ChainPriority
	device   string
	rules    [][]expr.Any
}

// layouts are the tables for the interfaces of the given names by index, with a
// lease set of the given name.
func layouts(lease string, devices map[int]string) []layout {
	return []layout{inetLayout(lease), arpLayout(lease), netdevLayout(lease, devices)}
}

// inetLayout drops IP packets and neighbor discovery, whichever interface they use.
func inetLayout(lease string) layout {
	return layout{
		table:  nftables.Table{Name: tableName, Family: nftables.TableFamilyINet},
		vips:   []string{setVIP4, setVIP6},
		leases: []byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6},
		chains: []chainLayout{
			gateChain(lease),
			{name: "prerouting", hook: nftables.ChainHookPrerouting, priority: priorityIn, rules: [][]expr.Any{
				toGate(protocol(unix.NFPROTO_IPV4), header(16, 4), in(setVIP4)),
				toGate(protocol(unix.NFPROTO_IPV6), header(24, 16), in(setVIP6)),
				toGate(protocol(unix.NFPROTO_IPV6), icmp6(neighborSolicitation), target()),
			}},
			{name: "postrouting", hook: nftables.ChainHookPostrouting, priority: priorityOut, rules: [][]expr.Any{
				toGate(protocol(unix.NFPROTO_IPV4), header(12, 4), in(setVIP4)),
				toGate(protocol(unix.NFPROTO_IPV6), header(8, 16), in(setVIP6)),
				toGate(protocol(unix.NFPROTO_IPV6), icmp6(neighborAdvertisement), target()),
				toGate(protocol(unix.NFPROTO_IPV6), icmp6(neighborSolicitation), header(8, 16), equals(make([]byte, 16)), target()),
			}},
		},
	}
}

// arpLayout drops what the kernel itself would answer or announce. A request by the
// VIP's owner passes, as a standby wants to hear it: here by a sender that is any
// VIP, since nftables cannot compare the sender with the target.
func arpLayout(lease string) layout {
	return layout{
		table:  nftables.Table{Name: tableName, Family: nftables.TableFamilyARP},
		vips:   []string{setVIP4},
		leases: []byte{unix.NFPROTO_ARP},
		chains: []chainLayout{
			gateChain(lease),
			{name: "input", hook: nftables.ChainHookRef(hookArpIn), rules: [][]expr.Any{
				toGate(arpForIPv4(), arpSender(), notIn(setVIP4), arpTarget(), in(setVIP4)),
			}},
			{name: "output", hook: nftables.ChainHookRef(hookArpOut), rules: [][]expr.Any{
				toGate(arpForIPv4(), arpSender(), in(setVIP4)),
			}},
		},
	}
}

// netdevLayout drops what leaves an interface past the other two: the frames of
// packet sockets.
func netdevLayout(lease string, devices map[int]string) layout {
	l := layout{
		table:  nftables.Table{Name: tableName, Family: nftables.TableFamilyNetdev},
		vips:   []string{setVIP4, setVIP6},
		leases: []byte{unix.NFPROTO_NETDEV},
		chains: []chainLayout{
			gateChain(lease),
			{name: chainEgress, rules: [][]expr.Any{
				toGate(etherType(unix.ETH_P_IP), header(12, 4), in(setVIP4)),
				toGate(etherType(unix.ETH_P_IPV6), header(8, 16), in(setVIP6)),
				toGate(etherType(unix.ETH_P_ARP), arpForIPv4(), arpSender(), in(setVIP4)),
				toGate(etherType(unix.ETH_P_IPV6), icmp6(neighborAdvertisement), target()),
				toGate(etherType(unix.ETH_P_IPV6), icmp6(neighborSolicitation), header(8, 16), equals(make([]byte, 16)), target()),
			}},
		},
	}
	for index, name := range devices {
		l.chains = append(l.chains, deviceChain(index, name))
	}
	return l
}

func gateChain(lease string) chainLayout {
	return chainLayout{name: chainGate, rules: [][]expr.Any{
		join(
			[]expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}}, in(lease),
			[]expr.Any{&expr.Verdict{Kind: expr.VerdictReturn}},
		),
		{&expr.Verdict{Kind: expr.VerdictDrop}},
	}}
}

func deviceChain(index int, name string) chainLayout {
	return chainLayout{
		name: fmt.Sprint(devicePrefix, index), hook: nftables.ChainHookEgress, priority: priorityOut, device: name,
		rules: [][]expr.Any{{&expr.Verdict{Kind: expr.VerdictJump, Chain: chainEgress}}},
	}
}

// The parts of a rule. Each leaves what it loads in register 1.

// toGate joins the parts of a match and sends what matches them all to the gate.
func toGate(parts ...[]expr.Any) []expr.Any {
	return append(join(parts...), &expr.Verdict{Kind: expr.VerdictGoto, Chain: chainGate})
}

func join(parts ...[]expr.Any) []expr.Any {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func equals(data []byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}}
}

func in(set string) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: set}}
}

func notIn(set string) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: set, Invert: true}}
}

func header(offset, length uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}}
}

func protocol(nfproto byte) []expr.Any {
	return join([]expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}}, equals([]byte{nfproto}))
}

func etherType(kind uint16) []expr.Any {
	return join([]expr.Any{&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1}}, equals(binary.BigEndian.AppendUint16(nil, kind)))
}

// icmp6 matches a kind of message behind whatever extension headers.
func icmp6(kind byte) []expr.Any {
	return join(
		[]expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}}, equals([]byte{unix.IPPROTO_ICMPV6}),
		[]expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Len: 1}}, equals([]byte{kind}),
	)
}

// target matches a message of neighbor discovery about a VIP.
func target() []expr.Any {
	return join([]expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 8, Len: 16}}, in(setVIP6))
}

// arpForIPv4 matches ARP between MAC addresses of 6 bytes (RFC 826): the offsets of
// the addresses depend on it.
func arpForIPv4() []expr.Any { return join(header(2, 4), equals([]byte{8, 0, 6, 4})) }

func arpSender() []expr.Any { return header(14, 4) }
func arpTarget() []expr.Any { return header(24, 4) }
