package vrrpnet

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/vrrp"
)

// place is where an instance runs, and the source of its adverts.
type place struct {
	links
	source netip.Addr
}

// links are the interface of an instance, and those by which adverts reach and leave it.
// They reach it by its device, if it has one: what another router sends from the same
// virtual MAC is not given to the interface below. They leave by the device, too, unless
// it is not to be seen in them.
type links struct{ parent, hears, sends link }

// link is what sockets are bound to.
type link struct {
	name  string
	index int
}

// surroundings are what places depend on.
type surroundings struct {
	interfaces map[string]*Interface
	held       map[netip.Addr]bool // by whatever instance, now or later
}

// locate finds the place of an instance, and the reason why it cannot run there. An
// instance that is at a place already keeps its source while that is there.
func (s *surroundings) locate(i *Instance, now place) (place, string) {
	parent, device, reason := s.find(i)
	if reason != "" {
		return place{}, reason
	}
	sends := device
	if i.Plain {
		sends = parent
	}
	at := place{links: links{parent.link(), device.link(), sends.link()}}
	own := parent
	if i.IPv6 {
		own = sends // a virtual MAC has a link-local address of its own
	}
	at.source, reason = s.source(i, own, now.source)
	if reason == "" && i.TrackSource && !parent.has(at.source) && !device.has(at.source) {
		reason = fmt.Sprintf("%s has no address %s, its source", i.Interface, at.source)
	}
	return at, reason
}

// find returns the interface of an instance, and its device, which may be the same, or the
// reason why one is not there.
func (s *surroundings) find(i *Instance) (parent, device *Interface, reason string) {
	parent = s.interfaces[i.Interface]
	if parent == nil {
		return nil, nil, "there is no interface " + i.Interface
	}
	if i.Device == "" {
		return parent, parent, ""
	}
	if device = s.interfaces[i.Device]; device == nil {
		return nil, nil, "there is no interface " + i.Device
	}
	if mac := i.mac(); !bytes.Equal(device.MAC, mac) { // it may be another router's still
		return nil, nil, fmt.Sprintf("%s has not the MAC %s", i.Device, mac)
	}
	return parent, device, ""
}

// down returns the name of an interface of an instance that is down, or "".
func (s *surroundings) down(i *Instance) string {
	parent, device, reason := s.find(i)
	switch {
	case reason != "" || i.IgnoreLink:
	case !parent.Up:
		return parent.Name
	case !device.Up:
		return device.Name
	}
	return ""
}

// usualMTU is that of Ethernet.
const usualMTU = 1500

// room returns how many addresses an advert of an instance can hold.
func (s *surroundings) room(i *Instance) int {
	mtu, family := usualMTU, vrrp.IPv4
	if on := s.interfaces[cmp.Or(i.Device, i.Interface)]; on != nil && on.MTU > 0 {
		mtu = on.MTU
	}
	if i.IPv6 {
		family = vrrp.IPv6
	}
	return vrrp.Capacity(i.Wire.Version, family, mtu, i.Wire.Auth)
}

// byName indexes interfaces.
func byName(interfaces []Interface) map[string]*Interface {
	index := make(map[string]*Interface, len(interfaces))
	for i := range interfaces {
		index[interfaces[i].Name] = &interfaces[i]
	}
	return index
}

func (i *Interface) link() link { return link{i.Name, i.Index} }

func (i *Interface) has(address netip.Addr) bool {
	return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr().WithZone("") == address })
}

// source returns the source of the adverts: what is configured, or else an address of
// the interface which is its own, the first one if now is none.
func (s *surroundings) source(i *Instance, on *Interface, now netip.Addr) (netip.Addr, string) {
	for _, configured := range []netip.Addr{i.Wire.Source, i.Router.Source} {
		if configured.IsValid() {
			return configured.WithZone(""), ""
		}
	}
	var first netip.Addr
	for _, prefix := range on.Addresses {
		switch address := prefix.Addr().WithZone(""); {
		case !i.suits(address) || s.held[address]:
		case address == now:
			return now, ""
		case !first.IsValid():
			first = address
		}
	}
	switch {
	case first.IsValid():
		return first, ""
	case i.IPv6 && len(i.Wire.Peers) == 0:
		return first, on.Name + " has no IPv6 link-local address"
	case i.IPv6:
		return first, on.Name + " has no IPv6 address for its peers"
	}
	return first, on.Name + " has no IPv4 address"
}

// suits tells whether an address can be a source (RFC 9568 section 5.1.2.1). Peers
// may be farther away than the link.
func (i *Instance) suits(address netip.Addr) bool {
	switch {
	case !i.IPv6:
		return address.Is4()
	case len(i.Wire.Peers) > 0:
		return address.Is6() && address.IsLinkLocalUnicast() == i.Wire.Peers[0].Address.IsLinkLocalUnicast()
	}
	return address.Is6() && address.IsLinkLocalUnicast()
}
