package config

import (
	"cmp"
	"fmt"
	"net/netip"
)

// addressBook remembers where each address that perch holds was given first.
type addressBook struct {
	*report
	peers   map[netip.Addr]*value // addresses that nodes of the cluster have of their own
	sources map[place]*value      // of the adverts of this node
	seen    firsts[place]
}

// place tells addresses apart: a link-local one means another host on each link.
type place struct {
	address netip.Addr
	link    string // of link-local IPv6 only
}

// checkAddresses makes sure that no address is held for two reasons, or is a node's own.
func checkAddresses(r *report, root *value, c *Config) {
	book := addressBook{r, map[netip.Addr]*value{}, map[place]*value{}, firsts[place]{}}
	for i, router := range c.VRRP {
		if router.Source.IsValid() {
			book.sources[placeOf(router.Source, router.Interface)] = root.child("vrrp").item(i).child("source")
		}
	}
	if c.Cluster != nil {
		for i, p := range c.Cluster.Peers {
			book.peers[p.Address.Addr()] = root.child("cluster").child("peer").item(i).child("address")
		}
	}
	for i, vip := range c.VIPs {
		book.checkVIP(root.child("vip").item(i).child("address"), vip)
	}
	for i := range c.VRRP {
		book.checkRouter(root.child("vrrp").item(i), &c.VRRP[i])
	}
	for i, address := range c.Static.Addresses {
		v := root.child("static").child("addresses").item(i).child("address")
		book.add(v, address.Prefix, address.Interface, "must be different from all other addresses that are held")
	}
}

func (b addressBook) checkVIP(v *value, vip VIP) {
	if vip.Prefix {
		return // see checkRanges
	}
	b.add(v, vip.Address, "", "must be different for every [[vip]], whatever its interface and prefix length")
	b.notPeer(v, vip.Address)
	b.notSource(v, vip.Address, vip.Interface)
}

func (b addressBook) checkRouter(table *value, router *VirtualRouter) {
	const allowed = "must be different for every [[vrrp]] and [[vip]], whatever its interface and prefix length"
	for _, l := range []struct {
		v         *value
		addresses []Address
	}{
		{table.child("addresses"), router.Addresses},
		{table.child("excluded_addresses"), router.ExcludedAddresses},
	} {
		for i, a := range l.addresses {
			v, on := addressOf(l.v.item(i)), cmp.Or(a.Interface, router.Interface)
			b.add(v, a.Prefix, on, allowed)
			b.notPeer(v, a.Prefix)
			b.notSource(v, a.Prefix, on)
		}
	}
}

func (b addressBook) add(v *value, p netip.Prefix, link, allowed string) {
	if p.IsValid() { // else it was refused
		b.seen.check(b.report, placeOf(p.Addr(), link), v, allowed)
	}
}

// placeOf is where there is only one of an address: on a link, if it is link-local.
func placeOf(address netip.Addr, link string) place {
	if address.Is6() && address.IsLinkLocalUnicast() {
		return place{address, link}
	}
	return place{address, ""}
}

// notSource refuses what adverts come from: with the lease of the address they would
// end, and could not begin before.
func (b addressBook) notSource(v *value, p netip.Prefix, link string) {
	if source, ok := b.sources[placeOf(p.Addr(), link)]; ok && p.IsValid() {
		b.badValue(v, fmt.Sprintf("is a source of adverts, on line %d", source.pos.line), "must be an address that no node has of its own")
	}
}

func (b addressBook) notPeer(v *value, p netip.Prefix) {
	if peer, ok := b.peers[p.Addr()]; ok && p.IsValid() {
		b.badValue(v, fmt.Sprintf("is a peer's address, on line %d", peer.pos.line), "must be an address that no node has of its own")
	}
}
