package vrrpnet

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
)

// Interface is one network interface, as far as it matters to a virtual router.
type Interface struct {
	Name  string
	Index int
	Up    bool // administratively up and with carrier: operstate up or unknown
	MTU   int  // bytes
	MAC   net.HardwareAddr
	Below int // index of the interface that it is on; 0 for none, or one of another network namespace
	// Addresses are in the kernel's order, IPv4 before IPv6 and primary before
	// secondary ones. IPv6 addresses that are not known to be unique are not among them.
	Addresses []netip.Prefix
}

func (i Interface) equal(other Interface) bool {
	return i.Name == other.Name && i.Index == other.Index && i.Up == other.Up && i.MTU == other.MTU &&
		i.Below == other.Below && bytes.Equal(i.MAC, other.MAC) && slices.Equal(i.Addresses, other.Addresses)
}
