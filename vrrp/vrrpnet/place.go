package vrrpnet

import (
	"fmt"
	"net/netip"
	"slices"
)

// place is where an instance runs, and the source of its adverts.
type place struct {
	links
	source netip.Addr
}

// links are the interface of an instance, and the one that its adverts leave by.
type links struct{ listen, send link }

// link is what sockets are bound to.
type link struct {
	name  string
	index int
}

// locate finds the place of an instance, and the reason why it cannot run there.
func locate(i *Instance, interfaces []Interface) (place, string) {
	listen := interfaceNamed(i.Interface, interfaces)
	if listen == nil {
		return place{}, "there is no interface " + i.Interface
	}
	send := listen
	if i.Device != "" {
		if send = interfaceNamed(i.Device, interfaces); send == nil {
			return place{}, "there is no interface " + i.Device
		}
	}
	at := place{links: links{listen.link(), send.link()}}
	for _, on := range []*Interface{listen, send} {
		if !on.Up && !i.IgnoreLink {
			return at, on.Name + " is down"
		}
	}
	var reason string
	if i.IPv6 {
		listen = send // a virtual MAC has a link-local address of its own
	}
	at.source, reason = i.source(listen)
	return at, reason
}

func interfaceNamed(name string, interfaces []Interface) *Interface {
	at := slices.IndexFunc(interfaces, func(i Interface) bool { return i.Name == name })
	if at < 0 {
		return nil
	}
	return &interfaces[at]
}

func (i *Interface) link() link { return link{i.Name, i.Index} }

// source returns the source of the adverts: what is configured, or the first address
// of the interface which is its own.
func (i *Instance) source(on *Interface) (netip.Addr, string) {
	for _, configured := range []netip.Addr{i.Wire.Source, i.Router.Source} {
		if configured.IsValid() {
			return configured, ""
		}
	}
	for _, prefix := range on.Addresses {
		if address := prefix.Addr().WithZone(""); i.suits(address) && !slices.Contains(i.Held, address) {
			return address, ""
		}
	}
	if i.IPv6 {
		return netip.Addr{}, fmt.Sprintf("%s has no IPv6 link-local address", on.Name)
	}
	return netip.Addr{}, fmt.Sprintf("%s has no IPv4 address", on.Name)
}

// suits tells whether an address can be a source (RFC 9568 section 5.1.2.1).
func (i *Instance) suits(address netip.Addr) bool {
	if i.IPv6 {
		return address.Is6() && address.IsLinkLocalUnicast()
	}
	return address.Is4()
}
