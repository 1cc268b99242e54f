package vrrp

import "net/netip"

// Family is the version of IP that adverts go over.
type Family uint8

// The families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func familyOf(address netip.Addr) Family {
	if address.Is4() {
		return IPv4
	}
	return IPv6
}

// addressLength is how long an address is in bytes.
func (f Family) addressLength() int {
	if f == IPv4 {
		return 4
	}
	return 16
}

// ipLength is how long an IP header without options is in bytes.
func (f Family) ipLength() int {
	if f == IPv4 {
		return 20
	}
	return 40
}

// Group is where adverts go that are for all routers.
func (f Family) Group() netip.Addr {
	if f == IPv4 {
		return Group4
	}
	return Group6
}
