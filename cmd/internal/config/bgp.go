package config

import (
	"net/netip"
	"slices"
)

// BGP says how VIPs are announced through the bgpd of a local FRR.
type BGP struct {
	Socket  string // of bgpd's vty; absolute
	ASN     uint32
	Anycast bool         // each healthy node holds and announces them
	Only    []netip.Addr // these VIPs; none for all
	// VIPs are those that are announced, each a /32 or /128. With Anycast they are not
	// among Config.VIPs.
	VIPs []VIP
	// Track is what counts for the health of a node with Anycast: what counts for the
	// cluster, or without one each check.
	Track []Track
}

// announces tells whether a VIP is one of those that are announced.
func (b *BGP) announces(v VIP) bool {
	return b != nil && (len(b.Only) == 0 || slices.Contains(b.Only, v.Address.Addr()))
}

// assign gives the VIPs to those who see to them.
func assign(c *Config) {
	if c.BGP == nil {
		return
	}
	var owned []VIP
	for _, v := range c.VIPs {
		if c.BGP.announces(v) {
			c.BGP.VIPs = append(c.BGP.VIPs, v)
		}
		if !c.BGP.Anycast || !c.BGP.announces(v) {
			owned = append(owned, v)
		}
	}
	c.VIPs = owned
}

// AnycastVIPs returns the VIPs that each healthy node holds.
func (c *Config) AnycastVIPs() []VIP {
	if c.BGP == nil || !c.BGP.Anycast {
		return nil
	}
	return c.BGP.VIPs
}
