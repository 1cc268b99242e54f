package vrrpnet

import (
	"cmp"
	"net/netip"

	"github.com/perch-vip/perch/vrrp"
)

// place is where an instance runs, and the source of its adverts.
type place struct {
	links
	source netip.Addr
}

// links are the interface of an instance, and the one that its adverts leave and reach
// it by. That is its device, if it has one: what another router sends from the same
// virtual MAC is not given to the interface below.
type links struct{ parent, adverts link }

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
	parent := s.interfaces[i.Interface]
	if parent == nil {
		return place{}, "there is no interface " + i.Interface
	}
	adverts := parent
	if i.Device != "" {
		if adverts = s.interfaces[i.Device]; adverts == nil {
			return place{}, "there is no interface " + i.Device
		}
	}
	at := place{links: links{parent.link(), adverts.link()}}
	for _, on := range []*Interface{parent, adverts} {
		if !on.Up && !i.IgnoreLink {
			return at, on.Name + " is down"
		}
	}
	own := parent
	if i.IPv6 {
		own = adverts // a virtual MAC has a link-local address of its own
	}
	var reason string
	at.source, reason = s.source(i, own, now.source)
	return at, reason
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
