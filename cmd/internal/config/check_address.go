package config

import (
	"fmt"
	"net/netip"
)

// addressBook remembers where each address that perch holds was given first.
type addressBook struct {
	*report
	peers map[netip.Addr]*value // addresses that nodes of the cluster have of their own
	seen  firsts[place]
}

// place tells addresses apart: a link-local one means another host on each link.
type place struct {
	address netip.Addr
	link    string // of link-local IPv6 only
}

// checkAddresses makes sure that no address is held for two reasons, or is a node's own.
func checkAddresses(r *report, root *value, c *Config) {
	book := addressBook{r, map[netip.Addr]*value{}, firsts[place]{}}
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
		book.add(v, address.Address, address.Interface, "must be different from all other addresses that are held")
	}
}

func (b addressBook) checkVIP(v *value, vip VIP) {
	b.add(v, vip.Address, "", "must be different for every [[vip]], whatever its interface and prefix length")
	b.notPeer(v, vip.Address)
}

func (b addressBook) checkRouter(table *value, router *VirtualRouter) {
	const allowed = "must be different for every [[vrrp]] and [[vip]], whatever its interface and prefix length"
	for _, l := range []struct {
		v         *value
		addresses []netip.Prefix
	}{
		{table.child("addresses"), router.Addresses},
		{table.child("excluded_addresses"), router.ExcludedAddresses},
	} {
		for i, p := range l.addresses {
			v := l.v.item(i)
			b.add(v, p, router.Interface, allowed)
			b.notPeer(v, p)
			if p.IsValid() && p.Addr() == router.Source && router.Priority != 255 {
				b.badValue(v, fmt.Sprintf("is the router's source, on line %d", table.child("source").pos.line),
					"must be an address that no node has of its own, unless the priority is 255")
			}
		}
	}
}

func (b addressBook) add(v *value, p netip.Prefix, link, allowed string) {
	switch {
	case !p.IsValid(): // it was refused
	case p.Addr().Is6() && p.Addr().IsLinkLocalUnicast():
		b.seen.check(b.report, place{p.Addr(), link}, v, allowed)
	default:
		b.seen.check(b.report, place{p.Addr(), ""}, v, allowed)
	}
}

func (b addressBook) notPeer(v *value, p netip.Prefix) {
	if peer, ok := b.peers[p.Addr()]; ok && p.IsValid() {
		b.badValue(v, fmt.Sprintf("is a peer's address, on line %d", peer.pos.line), "must be an address that no node has of its own")
	}
}
