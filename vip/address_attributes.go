package vip

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Attributes say how the address of a VIP is put on its interface. What others put there
// stays as it is. They are comparable.
type Attributes struct {
	Label     string     // of an IPv4 address; "" for the name of the interface
	Scope     uint8      // of an IPv4 address (RT_SCOPE_...): that of its subnet goes before
	Broadcast netip.Addr // of an IPv4 address; not valid for none
	NoRoute   bool       // brings no prefix route, also where nothing else does
}

// attributesOf returns those that a VIP is to have.
func (in *intent) attributesOf(v VIP) Attributes {
	if in.attributes == nil {
		return Attributes{}
	}
	return in.attributes(v)
}

// with is a with attributes.
func (a address) with(is Attributes) address {
	if is.NoRoute {
		a.flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.is4() {
		a.label, a.scope, a.broadcast = is.Label, is.Scope, is.Broadcast
	}
	return a
}
