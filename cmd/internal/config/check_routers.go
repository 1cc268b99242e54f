package config

import (
	"fmt"
	"net/netip"
)

// checkRouters checks every [[vrrp]] by itself, and what they must not share.
func checkRouters(r *report, root *value, c *Config) {
	list, names, segments := root.child("vrrp"), firsts[string]{}, newSegments()
	for i := range c.VRRP {
		router, table := &c.VRRP[i], list.item(i)
		if router.Name != "" {
			names.check(r, router.Name, table.child("name"), "must be different for every [[vrrp]]")
		}
		checkRouter(r, table, router)
		segments.check(r, table, router)
	}
	checkDevices(r, root, c)
}

// segment is where a VRID means one virtual router.
type segment struct {
	iface string
	vrid  int
	ipv6  bool
}

// segments remembers which VRID was given where first: to a router of a multicast group
// and to one with peers, and to one that sends to a certain group or peer, and which
// virtual MAC.
type segments struct {
	multicast, unicast map[segment]*value
	to                 map[receiver]*value
	macs               map[station]*value
}

type station struct {
	iface string
	mac   MAC
}

type receiver struct {
	segment
	address netip.Addr // of a group or a peer
}

func newSegments() segments {
	return segments{map[segment]*value{}, map[segment]*value{}, map[receiver]*value{}, map[station]*value{}}
}

// check refuses two routers whose adverts nobody could tell apart.
func (s segments) check(r *report, table *value, router *VirtualRouter) {
	if router.Interface == "" || router.VRID == 0 || !router.hasFamily() {
		return
	}
	at := segment{router.Interface, router.VRID, router.IPv6()}
	v := table.child("vrid")
	if first := s.rival(at, router); first != nil {
		r.badValue(v, fmt.Sprintf("given before on %s over %s, on line %d", at.iface, familyName(at.ipv6), first.pos.line),
			"must be different for every [[vrrp]] of an interface and family, unless all have unicast_peers and share none, or each has a multicast_group of its own")
		return
	}
	s.add(at, router, v)
	if router.VirtualMAC {
		s.checkMAC(r, table, router)
	}
}

// checkMAC refuses a MAC that is another router's on the same interface.
func (s segments) checkMAC(r *report, table *value, router *VirtualRouter) {
	at, v := station{router.Interface, router.MAC()}, table.child("virtual_mac")
	if own := table.child("virtual_mac_address"); own != nil {
		v = own
	}
	first := s.macs[at]
	switch {
	case first == nil:
		s.macs[at] = v
	case first.name == "virtual_mac" && v.name == "virtual_mac":
		r.badValue(v, fmt.Sprintf("is that of the [[vrrp]] with the same vrid, on line %d", first.pos.line), "must be left out of one of them")
	default:
		r.badValue(v, fmt.Sprintf("means %s, given before on %s, on line %d", at.mac, at.iface, first.pos.line),
			"must be different for every [[vrrp]] of an interface")
	}
}

// rival returns the VRID of a router that was given before and cannot be told from this one.
func (s segments) rival(at segment, router *VirtualRouter) *value {
	others := s.unicast
	if len(router.UnicastPeers) > 0 {
		others = s.multicast
	}
	if first := others[at]; first != nil {
		return first
	}
	for _, to := range router.receivers() {
		if first := s.to[receiver{at, to}]; first != nil {
			return first
		}
	}
	return nil
}

func (s segments) add(at segment, router *VirtualRouter, v *value) {
	kind := s.multicast
	if len(router.UnicastPeers) > 0 {
		kind = s.unicast
	}
	if kind[at] == nil {
		kind[at] = v
	}
	for _, to := range router.receivers() {
		s.to[receiver{at, to}] = v
	}
}

// receivers are the addresses that adverts go to.
func (r *VirtualRouter) receivers() (all []netip.Addr) {
	if len(r.UnicastPeers) == 0 {
		return []netip.Addr{r.MulticastGroup}
	}
	for _, p := range r.UnicastPeers {
		all = append(all, p.Address)
	}
	return all
}

// checkDevices refuses to be told of an interface that perch itself makes and removes.
func checkDevices(r *report, root *value, c *Config) {
	made, names := map[string]*value{}, firsts[string]{}
	for i, device := range c.Devices() {
		table := root.child("vrrp").item(i)
		if device != "" {
			made[device] = table
		}
		if name := c.VRRP[i].VirtualMACName; device != "" && device == name {
			names.check(r, name, table.child("virtual_mac_name"), "must be different for every [[vrrp]]")
		}
	}
	check := func(v *value, name string) {
		if table := made[name]; table != nil && v != nil {
			r.badValue(v, fmt.Sprintf("is what the device for the virtual MAC of the [[vrrp]] on line %d is called", table.key.line), "must be another interface")
		}
	}
	for i, router := range c.VRRP {
		table := root.child("vrrp").item(i)
		check(table.child("interface"), router.Interface)
		for j, a := range router.Addresses {
			check(table.child("addresses").item(j).child("interface"), a.Interface)
		}
		for j, a := range router.ExcludedAddresses {
			check(table.child("excluded_addresses").item(j).child("interface"), a.Interface)
		}
	}
	for i, vip := range c.VIPs {
		check(root.child("vip").item(i).child("interface"), vip.Interface)
	}
	for i, address := range c.Static.Addresses {
		check(root.child("static").child("addresses").item(i).child("interface"), address.Interface)
	}
}
