package config

import (
	"net/netip"
	"time"
)

// IPVS is how services are kept in the kernel.
type IPVS struct {
	OwnAll        bool          // services that are not perch's are removed, or taken over
	ManageSysctls bool          // what the services need of the host is set, and put back at the end
	AtEnd         string        // what becomes of services at the end of perch: "keep", "remove", or "flush" with those of others
	Nodes         string        // which have the services: all that may own VIPs ("candidates"), or the "owner"
	TCP           time.Duration // for which a connection in which nothing moves is remembered; 0 for as it is
	TCPFin        time.Duration // likewise, once it is closed
	UDP           time.Duration
	Sync          *IPVSSync // nil for none
}

// IPVSSync is how directors tell each other of connections.
type IPVSSync struct {
	Interface string
	ID        int        // 0 to 255: of those that belong together
	Group     netip.Addr // multicast
	Port      uint16
	TTL       int
	MaxLen    int // of a packet, in bytes; 0 for what fits the interface
}

// Service is one [[service]]: a virtual service for each of its addresses, or for packets
// with a mark in each of its families, and the real servers that all of them lead to. Its
// servers are of its family, unless they are reached through a tunnel.
type Service struct {
	Name      string           // unique; by default its first address and the protocol, "198.18.0.100:80/tcp", or "fwmark-7/ipv4"
	Addresses []netip.AddrPort // none with a mark; port 0 is for all ports, with Persistence only
	FWMark    uint32           // 0 for none
	Families  []string         // of packets with the mark: "ipv4", "ipv6"
	Protocol  string           // "tcp", "udp" or "sctp"; "" with a mark

	Scheduler         string
	Options           []string      // "ops", "sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1" to "flag-3"
	Persistence       time.Duration // 0 for none
	PersistencePrefix [2]int        // bits of clients' addresses that count, IPv4 and IPv6; zero without Persistence
	PersistenceEngine string        // "" or "sip"

	Start       string       // how servers begin: "checked" or "up"
	WhileHeld   bool         // its servers are looked at only while one of Addresses is on this machine
	Quorum      int          // of weights
	Hysteresis  int          // of weights, less than Quorum
	QuorumUp    []string     // a program and its arguments
	QuorumDown  []string     // likewise
	Omega       bool         // the end of perch counts as the loss of all servers
	SorryServer *RealServer  // nil for none; of its fields only those of its address and forwarding, and Weight 1
	Servers     []RealServer // in the order of the file, those of its group first
}

// RealServer is one [[service.server]] or [[server_group.server]], with what it does not
// say itself taken from its group or service.
type RealServer struct {
	Address          netip.AddrPort // port 0 with a mark, where packets keep theirs, and for a service of all ports
	Weight           int            // 0 to 65535
	Forward          string         // "nat", "dr" or "tunnel"
	Tunnel           Tunnel         // zero unless Forward is "tunnel"
	UpperThreshold   int            // connections; 0 for none
	LowerThreshold   int            // at most UpperThreshold
	InhibitOnFailure bool
	SlowStart        time.Duration // 0 for none
	// Checks are of Config.ServerChecks, all of which must be well; none: always healthy.
	// What a number in a file adds to Weight has a weight of its own, -65535 to 65535.
	Checks []Track
}

// Tunnel is how packets get to a real server in others.
type Tunnel struct {
	Kind     string // "ipip", "gue" or "gre"
	Port     uint16 // of "gue"; 0 otherwise
	Checksum string // "none", "checksum" or "remote"
}
