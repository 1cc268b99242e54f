package config

import (
	"fmt"
	"net/netip"
	"time"
)

// checkRouter checks what the keys of one [[vrrp]] say together.
func checkRouter(r *report, table *value, router *VirtualRouter) {
	checkInterval(r, table, router)
	checkPreemption(r, table, router)
	checkFamily(r, table, router)
	checkAttributes(r, table.child("addresses"), router.Addresses)
	checkAttributes(r, table.child("excluded_addresses"), router.ExcludedAddresses)
	checkGroup(r, table, router)
	checkLink(r, table, router)
	checkUnicastPeers(r, table, router)
	checkAuth(r, table, router)
	checkRoutes(r, table.child("routes"), router.Routes)
	checkRules(r, table.child("rules"), router.Rules)
}

// checkInterval wants an interval that an advert of the version can carry (RFC 9568
// section 5.2.7, RFC 3768 section 5.3.7).
func checkInterval(r *report, table *value, router *VirtualRouter) {
	unit, most, allowed := 10*time.Millisecond, 40950*time.Millisecond, "a multiple of 10ms from 10ms to 40.95s"
	if router.Version == 2 {
		unit, most, allowed = time.Second, 255*time.Second, "whole seconds from 1s to 255s"
	}
	if d := router.AdvertInterval; d%unit != 0 || d > most {
		r.badValue(table.child("advert_interval"), fmt.Sprintf("version %d cannot carry it", router.Version), "must be "+allowed)
	}
}

func checkPreemption(r *report, table *value, router *VirtualRouter) {
	const owner = "must be left out, since a router of priority 255 owns the addresses and is the master at once"
	switch {
	case router.Priority != 255:
	case !router.Preempt:
		r.badValue(table.child("preempt"), "given together with priority 255", owner)
	case router.PreemptDelay != 0:
		r.badValue(table.child("preempt_delay"), "given together with priority 255", owner)
	case router.StartDelay != 0:
		r.badValue(table.child("start_delay"), "given together with priority 255", owner)
	case !router.Accept:
		r.badValue(table.child("accept"), "given together with priority 255", owner)
	}
	if !router.Preempt && router.PreemptDelay != 0 {
		r.badValue(table.child("preempt_delay"), "given together with preempt = false", "must be left out, since there is nothing to delay")
	}
}

// checkFamily wants all of a router in one family: that of its first address.
func checkFamily(r *report, table *value, router *VirtualRouter) {
	list := table.child("addresses")
	switch none := list != nil && list.kind == kindArray && len(list.items) == 0; {
	case none && table.child("family") == nil && !router.hasFamily():
		r.badKey(list, "is empty, and nothing else tells the family", `must have an address at least, or come with family = "ipv4" or family = "ipv6"`)
	case !none && list != nil && table.child("family") != nil:
		r.badKey(table.child("family"), "given together with addresses", "must be left out, since the addresses say it")
	}
	if !router.hasFamily() {
		return
	}
	family := familyName(router.IPv6())
	for i, a := range router.Addresses {
		if p := a.Prefix; p.IsValid() && p.Addr().Is6() != router.IPv6() {
			r.badValue(addressOf(list.item(i)), "is not of the family of the first, "+family, "must be in excluded_addresses, or in a [[vrrp]] of its own")
		}
	}
	if s := router.Source; s.IsValid() && s.Is6() != router.IPv6() {
		r.badValue(table.child("source"), "is not of the router's family, "+family, "must be an "+family+" address of the interface")
	}
	if router.Checksum != "auto" && (router.Version != 3 || router.IPv6()) {
		r.badValue(table.child("checksum"), fmt.Sprintf("version %d over %s has one form of it only", router.Version, family),
			"must be left out, but for version 3 over IPv4")
	}
}

func familyName(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// checkLink checks what is said of the interface and what is seen of it.
func checkLink(r *report, table *value, router *VirtualRouter) {
	if !router.VirtualMAC {
		checkNoVirtualMAC(r, table, router)
	}
	if v := table.child("track_source"); router.TrackSource && table.child("source") == nil {
		r.badValue(v, "there is no source to look at", "must come with source")
	}
	// Backups lose patience after three intervals.
	if most := 2 * router.AdvertInterval; router.LinkDownDelay > most {
		r.badValue(table.child("link_down_delay"), fmt.Sprintf("is more than two advert intervals, %v, after which a backup may be the master", most),
			fmt.Sprintf("must be at most %v", most))
	}
}

func checkNoVirtualMAC(r *report, table *value, router *VirtualRouter) {
	const problem, allowed = "there is no virtual MAC", "must be left out, unless virtual_mac = true"
	if v := table.child("virtual_mac_adverts"); !router.VirtualMACAdverts {
		r.badValue(v, problem, allowed)
	}
	for _, key := range []string{"virtual_mac_name", "virtual_mac_address"} {
		if v := table.child(key); v != nil {
			r.badKey(v, problem, allowed)
		}
	}
}

// checkGroup wants a multicast group of the router's family, and none beside peers.
func checkGroup(r *report, table *value, router *VirtualRouter) {
	v := table.child("multicast_group")
	switch {
	case v == nil || !router.MulticastGroup.IsValid():
	case table.child("unicast_peers") != nil:
		r.badKey(v, "given together with unicast_peers", "must be one of the two, since adverts go to the peers only")
	case router.hasFamily() && router.MulticastGroup.Is6() != router.IPv6():
		family := familyName(router.IPv6())
		r.badValue(v, "is not of the router's family, "+family, "must be an "+family+" group")
	}
}

func checkUnicastPeers(r *report, table *value, router *VirtualRouter) {
	list, seen := table.child("unicast_peers"), firsts[netip.Addr]{}
	for i, p := range router.UnicastPeers {
		item := list.item(i)
		if p.MinTTL > p.MaxTTL && p.MaxTTL != 0 {
			r.badValue(item.child("min_ttl"), fmt.Sprintf("is more than max_ttl, %d", p.MaxTTL), "must be at most max_ttl")
		}
		if !p.Address.IsValid() {
			continue
		}
		v := addressOf(item)
		seen.check(r, p.Address, v, "must be different for every peer of a router")
		if p.Address == router.Source {
			r.badValue(v, fmt.Sprintf("is the router's own source, on line %d", table.child("source").pos.line), "must be another router's address")
		}
		if router.hasFamily() && p.Address.Is6() != router.IPv6() {
			family := familyName(router.IPv6())
			r.badValue(v, "is not of the router's family, "+family, "must be an "+family+" address")
		}
	}
}

// addressOf returns the address of an element, which may be written by itself.
func addressOf(element *value) *value {
	if v := element.child("address"); v != nil {
		return v
	}
	return element
}
