package doctor

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// Wire is what was heard of the network for some time. Nothing that this host sends is in it.
type Wire struct {
	For     time.Duration // 0 if nobody listened
	Failed  string        // why not
	Adverts []Heard       // the last one of each router
	Claims  []Claim       // of VIPs, each MAC once
	// Neighbors are the MACs of the peers and of what else this host knows by an address.
	Neighbors map[string]netip.Addr
}

// Heard is an advert of another router.
type Heard struct {
	Interface string
	From      netip.Addr
	MAC       string
	VRID      int
	Version   int
	Priority  int
	Interval  time.Duration
	Auth      string // of version 2: "none", "pass" or another
	Header    bool   // it came with an authentication header
	Unicast   bool
	Addresses []netip.Addr
}

// Claim is that somebody says to have a VIP.
type Claim struct {
	Interface string
	Address   netip.Addr
	MAC       string
}

// wire finds what of others does not go with the config.
func wire(c *config.Config, f Facts) (all []Finding) {
	if f.Wire.Failed != "" {
		return []Finding{{Hint, "the network", "was not listened to: " + f.Wire.Failed, f.again()}}
	}
	for _, h := range f.Wire.Adverts {
		all = append(all, heard(c, f, h)...)
	}
	for _, claim := range f.Wire.Claims {
		all = append(all, claimed(c, f, claim)...)
	}
	return all
}

// routerOf returns the virtual router of the config for which an advert is.
func routerOf(c *config.Config, h Heard) *config.VirtualRouter {
	for i := range c.VRRP {
		if r := &c.VRRP[i]; r.Interface == h.Interface && r.VRID == h.VRID && r.IPv6() == h.From.Is6() {
			return r
		}
	}
	return nil
}

func heard(c *config.Config, f Facts, h Heard) []Finding {
	r := routerOf(c, h)
	show := fmt.Sprintf("tcpdump -ni %s -v 'proto 112 or proto 51 or ip6 proto 112'", h.Interface)
	who := fmt.Sprintf("VRID %d of %s on %s", h.VRID, h.From, h.Interface)
	if r == nil {
		return stranger(c, h, who, show)
	}
	if f.own(h.From) {
		return []Finding{{Error, who, "comes from another host, and " + h.From.String() + " is an address of this one: give one of both another", show}}
	}
	if foreign := strange(r, h); foreign != "" {
		return []Finding{{
			Error, who, "is that of " + r.Name + ", but its addresses are others (" + foreign + "): another virtual router has this VRID; take one that is free", show,
		}}
	}
	return unlike(r, h, who, show)
}

// stranger is about a router of a VRID that the config does not have: it matters if it has
// an address of ours.
func stranger(c *config.Config, h Heard, who, show string) []Finding {
	for vip := range vips(c) {
		if slices.Contains(h.Addresses, vip) {
			return []Finding{{Error, who, "has " + vip.String() + ", which is a VIP of this config: both would answer for it", show}}
		}
	}
	return nil
}

// strange returns an address of an advert if it has none that the router has.
func strange(r *config.VirtualRouter, h Heard) string {
	if len(r.Addresses) == 0 || len(h.Addresses) == 0 {
		return ""
	}
	for _, a := range r.Addresses {
		if slices.Contains(h.Addresses, a.Prefix.Addr()) {
			return ""
		}
	}
	return h.Addresses[0].String()
}

// unlike is about how the adverts of a router differ from ours.
func unlike(r *config.VirtualRouter, h Heard, who, show string) (all []Finding) {
	if h.Version != r.Version {
		return []Finding{{
			Error, who, fmt.Sprintf("speaks version %d, and %s is of version %d: neither heeds the other, and both are masters", h.Version, r.Name, r.Version), show,
		}}
	}
	if kind := authOf(h); r.Version == 2 && r.Auth.Kind != "hmac" && kind != authKind(r) {
		all = append(all, Finding{
			Error, who, "has auth kind " + kind + ", and " + r.Name + " has " + authKind(r) + ": neither heeds the other, and both are masters", show,
		})
	}
	if unicast := len(r.UnicastPeers) > 0; unicast != h.Unicast {
		all = append(all, Finding{
			Error, who, "and " + r.Name + " do not meet: one sends to single peers, the other to the multicast group", show,
		})
	}
	switch {
	case h.Interval == r.AdvertInterval:
	case r.Version == 2:
		all = append(all, Finding{
			Error, who, fmt.Sprintf("advertises every %s, and %s every %s, which version 2 does not allow: neither heeds the other, and both are masters", h.Interval, r.Name, r.AdvertInterval), show,
		})
	default:
		all = append(all, Finding{
			Warning, who, fmt.Sprintf("advertises every %s, and %s every %s: the time of a failover depends on who was the master", h.Interval, r.Name, r.AdvertInterval), show,
		})
	}
	if h.Priority == r.Priority && h.Priority == 255 {
		all = append(all, Finding{Error, who, "owns the addresses by its priority of 255, and so does " + r.Name + ": only one may", show})
	}
	return all
}

func authKind(r *config.VirtualRouter) string {
	if r.Auth.Kind == "" {
		return "none"
	}
	return r.Auth.Kind
}

func authOf(h Heard) string {
	if h.Header {
		return "ah"
	}
	return h.Auth
}

// claimed is about who says to have a VIP: this host, a peer or the master may.
func claimed(c *config.Config, f Facts, claim Claim) []Finding {
	if f.isMAC(claim.MAC) || f.isRouter(c, claim.MAC) {
		return nil
	}
	subject := claim.Address.String()
	show := fmt.Sprintf("tcpdump -eni %s ether host %s", claim.Interface, claim.MAC)
	if f.own(claim.Address) {
		return []Finding{{Error, subject, "is claimed by another host on " + claim.Interface + ", MAC " + claim.MAC + ", while this one has it: take it from one of both", show}}
	}
	if name := f.peerOf(c, claim.MAC); name != "" {
		return nil
	}
	return []Finding{{
		Warning, subject, "is claimed on " + claim.Interface + " by MAC " + claim.MAC + ", which is of no peer that this host knows: if it is another host, take the address from it", show,
	}}
}

// isMAC tells whether a MAC is of this host.
func (f Facts) isMAC(mac string) bool {
	return slices.ContainsFunc(f.Interfaces, func(i Interface) bool { return i.MAC == mac })
}

// isRouter tells whether a MAC is of a virtual router of the config, or of a host that was
// heard as one.
func (f Facts) isRouter(c *config.Config, mac string) bool {
	for i := range c.VRRP {
		if c.VRRP[i].MAC().String() == mac {
			return true
		}
	}
	return slices.ContainsFunc(f.Wire.Adverts, func(h Heard) bool { return h.MAC == mac && routerOf(c, h) != nil })
}

// peerOf returns whose MAC that is.
func (f Facts) peerOf(c *config.Config, mac string) string {
	address, ok := f.Wire.Neighbors[mac]
	if !ok || c.Cluster == nil {
		return ""
	}
	for _, p := range c.Cluster.Peers {
		if p.Address.Addr() == address {
			return p.Name
		}
	}
	return ""
}

// watched returns the interfaces that are to be listened to, and the VIPs of each.
func watched(c *config.Config, f Facts) map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	held := vips(c)
	for _, vip := range slices.SortedFunc(maps.Keys(held), netip.Addr.Compare) {
		all[held[vip]] = append(all[held[vip]], vip)
	}
	for i := range c.VRRP {
		all[c.VRRP[i].Interface] = append(all[c.VRRP[i].Interface], nil...)
	}
	maps.DeleteFunc(all, func(name string, _ []netip.Addr) bool {
		i, ok := f.find(name)
		return !ok || i.Loopback || !i.Up
	})
	return all
}
