package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
)

// Protocol of the connections that a service balances, by its number in IP.
type Protocol uint8

// The protocols that IPVS knows.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String implements fmt.Stringer.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	default:
		return fmt.Sprint("protocol ", uint8(p))
	}
}

// Family of addresses.
type Family uint8

// The families, by the version of IP.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf returns the family of a valid address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Key tells one virtual service from all others. It is one of an address and port, or one
// of all packets of a family with a firewall mark.
type Key struct {
	Protocol Protocol       // 0 with a mark
	Address  netip.AddrPort // the zero value with a mark; port 0 is for all ports of a service that persists
	Mark     uint32         // 0 with an address
	Family   Family         // of the packets with the mark; that of Address otherwise
}

// KeyOf returns the key of a service by address and port.
func KeyOf(p Protocol, address netip.AddrPort) Key {
	return Key{Protocol: p, Address: address, Family: FamilyOf(address.Addr())}
}

// KeyOfMark returns the key of a service by firewall mark.
func KeyOfMark(mark uint32, f Family) Key { return Key{Mark: mark, Family: f} }

// String implements fmt.Stringer: "tcp 198.18.0.100:80", "fwmark 7 ipv6".
func (k Key) String() string {
	if k.Mark != 0 {
		return fmt.Sprintf("fwmark %d ipv%d", k.Mark, k.Family)
	}
	return k.Protocol.String() + " " + k.Address.String()
}

// Compare orders keys: those with an address first.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Mark, o.Mark),
		cmp.Compare(k.Family, o.Family),
		k.Address.Compare(o.Address),
		cmp.Compare(k.Protocol, o.Protocol),
	)
}

// Options of a service, and of its scheduler, as IP_VS_SVC_F_ in linux/ip_vs.h.
type Options uint32

// The options. The last three belong to the scheduler: the first is sh-fallback or
// mh-fallback, the second sh-port or mh-port.
const (
	OnePacket  Options = 0x04 // each UDP packet is scheduled by itself
	Scheduler1 Options = 0x08
	Scheduler2 Options = 0x10
	Scheduler3 Options = 0x20
)

// Persistence leads all connections of a client to the same server. The zero value is
// for none.
type Persistence struct {
	Timeout uint32 // s; 0 for none
	Prefix  int    // bits of a client's address that count: 32 or 128 for all
	Engine  string // what else makes a client: "sip", or "" for the address
}

// Balancing is how a service balances.
type Balancing struct {
	Scheduler   string // as the kernel names it: "wlc"
	Options     Options
	Persistence Persistence
}

// Forward is how packets get to a real server.
type Forward uint8

// The ways to forward.
const (
	NAT    Forward = iota // with another destination address; answers come back this way
	Direct                // to the server's MAC, with the VIP as destination
	Tunnel                // in a packet to the server
)

// Encapsulation is how a Tunnel packs packets.
type Encapsulation uint8

// The encapsulations.
const (
	IPIP Encapsulation = iota
	GUE
	GRE
)

// Checksum is what a Tunnel by GUE or GRE does about the checksum of the outer header.
type Checksum uint8

// The checksums.
const (
	NoChecksum Checksum = iota
	WithChecksum
	RemoteChecksum // GUE only
)

// Route is how a real server gets packets, and how many connections.
type Route struct {
	Forward       Forward
	Encapsulation Encapsulation // of a Tunnel
	GUEPort       uint16        // of GUE
	Checksum      Checksum
	Upper, Lower  uint32 // connections from which on it gets no new ones, and until there are less again; 0 for no limit
}

// Server is a real server of a service, told from the others of that by its address.
type Server struct {
	Address netip.AddrPort
	Route
	Weight uint32 // 0: no new connections
}

// Service is a virtual service and where its connections go.
type Service struct {
	Key
	Balancing
	Servers []Server // sorted by address, each once
}
