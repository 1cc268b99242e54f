package config

import (
	"fmt"
	"net/netip"
)

// checkBGP wants VIPs that bgpd announces just as they are, and somebody who decides when.
func checkBGP(r *report, root *value, c *Config) {
	if c.BGP == nil {
		return
	}
	checkOnly(r, root.child("bgp").child("vips"), c)
	for i, v := range c.VIPs {
		switch {
		case !v.Address.IsValid() || !c.BGP.announces(v):
		case v.Prefix:
			r.badValue(root.child("vip").item(i).child("kind"), "is announced by [bgp], whose bgpd sees no local route of the kernel", "must be left out of bgp.vips, and be routed to another [[vip]]")
		default:
			checkAnnounced(r, root.child("vip").item(i).child("address"), v.Address)
		}
	}
}

// checkAnnounced wants the address of one host. bgpd announces a network only while the
// kernel has a route to exactly that: to that of a longer prefix it would never come.
func checkAnnounced(r *report, at *value, p netip.Prefix) {
	single := netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
	switch {
	case p.Addr().IsLinkLocalUnicast():
		r.badValue(at, "is link-local, and announced by [bgp]", "must be an address that routers pass on")
	case p != single:
		r.badValue(at, fmt.Sprintf("is announced by [bgp] as /%d, which bgpd does only while the kernel has it with just that length", single.Bits()),
			"must be "+single.String())
	}
}

// checkOnly wants the list to name VIPs, each once.
func checkOnly(r *report, list *value, c *Config) {
	vips, routers, seen := map[netip.Addr]bool{}, map[netip.Addr]bool{}, firsts[netip.Addr]{}
	for _, v := range c.VIPs {
		vips[v.Address.Addr()] = true
	}
	for i := range c.VRRP {
		for _, p := range c.VRRP[i].Addresses {
			routers[p.Prefix.Addr()] = true
		}
	}
	for i, a := range c.BGP.Only {
		at := list.item(i)
		switch {
		case !a.IsValid():
		case routers[a]:
			r.badValue(at, "is an address of a [[vrrp]], whose backups must be on one network", "must be the address of a [[vip]]")
		case !vips[a]:
			r.badValue(at, "is in no [[vip]]", "must be the address of a [[vip]]")
		default:
			seen.check(r, a, at, "must be there once")
		}
	}
}

// checkNeighborCheck wants a bgpd to ask.
func checkNeighborCheck(r *report, table *value, c *Config) {
	if c.BGP == nil {
		r.badValue(table.child("kind"), "there is no [bgp], by whose bgpd it looks", "must come with a [bgp]")
	}
}

// checkAnycastAlone wants all VIPs of a node without a cluster to be anycast.
func checkAnycastAlone(r *report, vips *value, c *Config) {
	for i, v := range c.VIPs {
		if v.Address.IsValid() && !c.BGP.announces(v) {
			r.badValue(vips.item(i).child("address"), "there is no [cluster] to own it, and it is not in bgp.vips", "must stand beside a [cluster], or be in bgp.vips")
		}
	}
}
