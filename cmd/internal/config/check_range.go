package config

import (
	"errors"
	"fmt"
	"net/netip"
)

const rangeRule = `must be a whole range, like "198.19.0.0/20" or "2001:db8:5::/64": of IPv4 from /8 to /31, of IPv6 from /32 to /127`

// Why a prefix cannot be a range.
var (
	errOneAddress = errors.New("is one address")
	errTooWide    = errors.New("is too wide")
	errNoHosts    = errors.New("has addresses that are no hosts'")
)

// checkVIPKind refuses what cannot be a VIP of its kind. It is zero then, as that of a value
// which cannot be read.
func checkVIPKind(r *report, table *value, v *VIP) {
	if !v.Address.IsValid() {
		return
	}
	check, rule := checkHost, vipAddressRule
	if v.Prefix {
		check, rule = checkRange, rangeRule
	}
	if err := check(v.Address); err != nil {
		r.badValue(table.child("address"), err.Error(), rule)
		v.Address = netip.Prefix{}
	}
}

// checkRange refuses what no host can have as a whole.
func checkRange(p netip.Prefix) error {
	switch {
	case p.IsSingleIP():
		return errOneAddress
	case p != p.Masked():
		return errHostBits
	case p.Addr().Is4() && p.Bits() < 8, p.Addr().Is6() && p.Bits() < 32:
		return errTooWide
	}
	for _, reserved := range [...]string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/32", "fe80::/10", "ff00::/8"} {
		if p.Overlaps(netip.MustParsePrefix(reserved)) {
			return errNoHosts
		}
	}
	return nil
}

// checkRangeFence wants a fence that ends a range, whose route the kernel would keep for ever.
func checkRangeFence(r *report, root *value, c *Config) {
	for i, v := range c.VIPs {
		if fence := c.Fence(); v.Prefix && (fence == "lifetime" || fence == "off") {
			r.badValue(root.child("vip").nth(i).child("kind"), fmt.Sprintf("with fence = %q nothing ends it on a node that is dead or frozen, as routes have no lifetime", fence),
				`must come with fence = "auto", "bpf" or "nftables"`)
		}
	}
}

// taken is an address or a range that somebody has.
type taken struct {
	prefix netip.Prefix
	at     *value
	whose  string
}

// checkRanges wants of each range that all addresses are its own: all of them are taken
// from whoever else has them.
func checkRanges(r *report, root *value, d *draft) {
	var all []taken
	for i, v := range d.VIPs {
		if !v.Prefix || !v.Address.IsValid() {
			continue
		}
		if all == nil {
			all = takenIn(root, d)
		}
		at := root.child("vip").nth(i).child("address")
		for _, t := range all {
			if t.at == at || !t.prefix.IsValid() || !t.prefix.Overlaps(v.Address) || !t.prefix.IsSingleIP() && t.at.pos.line > at.pos.line {
				continue
			}
			r.badValue(at, fmt.Sprintf("has %s, %s on line %d", shown(t.prefix), t.whose, t.at.pos.line), "must be a range whose addresses nobody else has")
			break
		}
	}
}

// shown is a prefix, or an address.
func shown(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// takenIn returns what a config says of who has which address.
func takenIn(root *value, d *draft) (all []taken) {
	add := func(at *value, whose string, a netip.Addr) {
		if a.IsValid() && at != nil {
			all = append(all, taken{netip.PrefixFrom(a, a.BitLen()), at, whose})
		}
	}
	for i, v := range d.VIPs {
		at := root.child("vip").nth(i).child("address")
		if v.Prefix && at != nil {
			all = append(all, taken{v.Address, at, "a [[vip]]"})
		} else if !v.Prefix {
			add(at, "a [[vip]]", v.Address.Addr())
		}
	}
	if d.Cluster != nil {
		for i, p := range d.Cluster.Peers {
			add(root.child("cluster").child("peer").nth(i).child("address"), "a peer's address", p.Address.Addr())
		}
	}
	takenByRouters(root, d, add)
	for i, a := range d.Static.Addresses {
		add(root.child("static").child("addresses").nth(i).child("address"), "a static address", a.Prefix.Addr())
	}
	for i, route := range d.Static.Routes {
		add(root.child("static").child("routes").nth(i).child("via"), "the gateway of a route", route.Via)
	}
	takenByServers(root, d, add)
	return all
}

func takenByRouters(root *value, d *draft, add func(*value, string, netip.Addr)) {
	for i := range d.VRRP {
		router, table := &d.VRRP[i], root.child("vrrp").nth(i)
		add(table.child("source"), "a source of adverts", router.Source)
		for j, a := range router.Addresses {
			add(addressOf(table.child("addresses").nth(j)), "an address of a [[vrrp]]", a.Prefix.Addr())
		}
		for j, a := range router.ExcludedAddresses {
			add(addressOf(table.child("excluded_addresses").nth(j)), "an address of a [[vrrp]]", a.Prefix.Addr())
		}
		for j, p := range router.UnicastPeers {
			add(addressOf(table.child("unicast_peers").nth(j)), "a peer of a [[vrrp]]", p.Address)
		}
		for j, route := range router.Routes {
			add(table.child("routes").nth(j).child("via"), "the gateway of a route", route.Via)
		}
	}
}

func takenByServers(root *value, d *draft, add func(*value, string, netip.Addr)) {
	for i := range d.services {
		for j, s := range d.services[i].servers {
			add(root.child("service").nth(i).child("server").nth(j).child("address"), "a real server's address", s.Address.Addr())
		}
	}
	for i := range d.groups {
		for j, s := range d.groups[i].servers {
			add(root.child("server_group").nth(i).child("server").nth(j).child("address"), "a real server's address", s.Address.Addr())
		}
	}
}
