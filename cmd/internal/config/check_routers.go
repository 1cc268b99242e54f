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

// segments remembers which VRID was given where first: to any router, to one of the
// multicast group, to one with a virtual MAC, and to one with a certain peer.
type segments struct {
	any, multicast, macs map[segment]*value
	unicast              map[segmentPeer]*value
}

type segmentPeer struct {
	segment
	peer netip.Addr
}

func newSegments() segments {
	return segments{map[segment]*value{}, map[segment]*value{}, map[segment]*value{}, map[segmentPeer]*value{}}
}

// check refuses two routers whose adverts nobody could tell apart.
func (s segments) check(r *report, table *value, router *VirtualRouter) {
	if router.Interface == "" || router.VRID == 0 || !router.hasFamily() {
		return
	}
	at := segment{router.Interface, router.VRID, router.IPv6()}
	v := table.child("vrid")
	if first := s.rival(at, router.UnicastPeers); first != nil {
		r.badValue(v, fmt.Sprintf("given before on %s over %s, on line %d", at.iface, familyName(at.ipv6), first.pos.line),
			"must be different for every [[vrrp]] of an interface and family, unless all have unicast_peers and share none")
		return
	}
	s.add(at, router.UnicastPeers, v)
	if router.VirtualMAC {
		s.checkMAC(r, at, table.child("virtual_mac"))
	}
}

// checkMAC refuses a MAC that is another router's on the same interface.
func (s segments) checkMAC(r *report, at segment, v *value) {
	if first := s.macs[at]; first != nil {
		r.badValue(v, fmt.Sprintf("is that of the [[vrrp]] with the same vrid, on line %d", first.pos.line),
			"must be left out of one of them")
		return
	}
	s.macs[at] = v
}

// rival returns the VRID of a router that was given before and cannot be told from one
// with those peers.
func (s segments) rival(at segment, peers []UnicastPeer) *value {
	if len(peers) == 0 {
		return s.any[at]
	}
	for _, p := range peers {
		if first := s.unicast[segmentPeer{at, p.Address}]; first != nil {
			return first
		}
	}
	return s.multicast[at]
}

func (s segments) add(at segment, peers []UnicastPeer, v *value) {
	if s.any[at] == nil {
		s.any[at] = v
	}
	if len(peers) == 0 {
		s.multicast[at] = v
	}
	for _, p := range peers {
		s.unicast[segmentPeer{at, p.Address}] = v
	}
}

// checkDevices refuses to be told of an interface that perch itself makes and removes.
func checkDevices(r *report, root *value, c *Config) {
	made := map[string]*value{}
	for i, device := range c.Devices() {
		if device != "" {
			made[device] = root.child("vrrp").item(i)
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
