package vip

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Attributes say how the address of a VIP is put on its interface. What others put there
// stays as it is, but for Peer and for what is for IPv6. They are comparable.
type Attributes struct {
	Label     string     // of an IPv4 address; "" for the name of the interface
	Scope     uint8      // of an IPv4 address (RT_SCOPE_...): that of its subnet goes before
	Broadcast netip.Addr // of an IPv4 address; not valid for none
	NoRoute   bool       // brings no prefix route, also where nothing else does

	// Peer is the other end of a point-to-point link, of which the prefix length then is,
	// and to which a route leads; not valid for none.
	Peer netip.Addr

	Preferred  bool // an IPv6 address that this node may speak from of its own
	Home       bool // an IPv6 address that is a home address of Mobile IPv6
	ManageTemp bool // an IPv6 address that the kernel makes temporary ones beside
}

// markFlags are those of marks.
const markFlags = unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR

// marks are what the kernel can set and take back while an IPv6 address stays.
func (is Attributes) marks() (flags uint32) {
	if is.Home {
		flags |= unix.IFA_F_HOMEADDRESS
	}
	if is.ManageTemp {
		flags |= unix.IFA_F_MANAGETEMPADDR
	}
	return flags
}

// unmarked are those for whose sake an address goes and comes back.
func (is Attributes) unmarked() Attributes {
	is.Preferred, is.Home, is.ManageTemp = false, false, false
	return is
}

// dress tells the attributes that a VIP is to have; nil is the zero value for all.
type dress func(VIP) Attributes

func (d dress) of(v VIP) Attributes {
	if d == nil {
		return Attributes{}
	}
	return d(v)
}

// with is a with attributes.
func (a address) with(is Attributes) address {
	if is.NoRoute {
		a.flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.is4() {
		a.label, a.scope, a.broadcast = is.Label, is.Scope, is.Broadcast
	}
	a.peer = is.Peer
	return a.marked(is)
}

// marked is a with the marks of attributes, besides those that it has.
func (a address) marked(is Attributes) address {
	if !a.is4() {
		a.flags |= is.marks()
	}
	return a
}

// changed reports whether somebody has changed what a has besides, which was b.
func (a address) changed(b address) bool {
	return a.peer != b.peer || (a.flags^b.flags)&(markFlags|unix.IFA_F_DEPRECATED) != 0
}
