package config

import (
	"cmp"
	"math"
	"net/netip"
	"time"
)

// settle fills in the defaults that other keys decide.
func settle(root *value, d *draft) {
	c := &d.Config
	for i := range c.VRRP {
		settleRouter(root.child("vrrp").item(i), &c.VRRP[i])
	}
	settleRoutes(c.Static.Routes)
	settleRules(c.Static.Rules, false)
	for i := range c.Checks {
		settleCheck(root.child("check").item(i), &c.Checks[i])
	}
	settleTracks(root, c)
	settleServices(root, d)
	for i := range c.Notify {
		settleMail(root.child("notify").item(i).child("mail"), c.Node.Name, &c.Notify[i].Mail)
	}
}

func settleRouter(table *value, r *VirtualRouter) {
	if r.Auth.Kind == "hmac" {
		settleHMAC(table.child("auth"), r)
	}
	if !r.MulticastGroup.IsValid() && len(r.UnicastPeers) == 0 {
		r.MulticastGroup = usualGroup(r.IPv6())
	}
	if table.child("garp_lower_priority_repeat") == nil {
		r.GARPLowerRepeat = r.GARPRepeat
	}
	if table.child("garp_lower_priority_delay") == nil {
		r.GARPLowerDelay = r.GARPDelay
	}
	settleRoutes(r.Routes)
	settleRules(r.Rules, r.IPv6())
}

// usualGroup is where adverts go (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
func usualGroup(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
	}
	return netip.AddrFrom4([4]byte{224, 0, 0, 18})
}

// minWindow is the least default of a window: clocks that are kept differ by less.
const minWindow = 5 * time.Second

func settleHMAC(auth *value, r *VirtualRouter) {
	r.Auth.Mode = cmp.Or(r.Auth.Mode, "enforce")
	r.Auth.AntiReplay = cmp.Or(r.Auth.AntiReplay, "time")
	if r.Auth.Window == 0 && r.Auth.AntiReplay == "time" {
		r.Auth.Window = max(3*r.AdvertInterval, minWindow)
	}
	if auth.child("active") == nil && len(r.Auth.Keys) == 1 {
		r.Auth.Active = r.Auth.Keys[0].ID
	}
}

// settleRoutes gives routes the scope that `ip route` would give them.
func settleRoutes(routes []Route) {
	for i := range routes {
		r := &routes[i]
		switch {
		case r.Scope != "":
		case r.Via.IsValid() || r.Blackhole || r.Destination.Addr().Is6():
			r.Scope = "global"
		default:
			r.Scope = "link"
		}
	}
}

// settleRules gives rules the family of their networks, or that of their router, and has
// a mark without a mask be one of all bits.
func settleRules(rules []Rule, ipv6 bool) {
	for i := range rules {
		r := &rules[i]
		if r.FWMark != 0 && r.FWMask == 0 {
			r.FWMask = math.MaxUint32
		}
		switch {
		case r.From.IsValid():
			r.IPv6 = r.From.Addr().Is6()
		case r.To.IsValid():
			r.IPv6 = r.To.Addr().Is6()
		default:
			r.IPv6 = ipv6
		}
	}
}
