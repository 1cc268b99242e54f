package config

import (
	"cmp"
	"fmt"
)

// The addresses that an advert can hold: as its count of them has room for (RFC 9568
// section 5.2.5), and, over IPv6, as a frame of 1,500 bytes has.
const (
	mostAddresses     = 255
	mostIPv6Addresses = 89
)

func warnRouters(r *report, root *value, c *Config) {
	if v := root.child("node").child("log_unknown_vrids"); c.Node.LogUnknownVRIDs && root.child("vrrp") == nil {
		r.warn(v.pos, v.path()+v.assigned()+": there is no [[vrrp]] on whose interface others could be heard")
	}
	for i := range c.VRRP {
		table := root.child("vrrp").item(i)
		warnAddresses(r, table.child("addresses"), &c.VRRP[i])
		warnMode(r, table.child("auth").child("mode"), &c.VRRP[i])
	}
}

func warnAddresses(r *report, list *value, router *VirtualRouter) {
	if len(router.Addresses) == 0 || !router.hasFamily() {
		return
	}
	most := mostAddresses
	if router.IPv6() {
		most = mostIPv6Addresses
	}
	if n := len(router.Addresses); n > most {
		r.warn(list.key, fmt.Sprintf("%s: an advert holds %d of these %d addresses; those after %s are held like the others, but are not in it",
			list.path(), most, n, router.Addresses[most-1].Prefix))
	}
	if first := router.Addresses[0].Prefix; first.IsValid() && router.IPv6() && !first.Addr().IsLinkLocalUnicast() {
		v := addressOf(list.item(0))
		r.warn(v.pos, v.path()+v.assigned()+": the first address of an IPv6 router should be link-local (RFC 9568 section 5.2.9); other routers may ignore its adverts")
	}
}

// warnMode remarks on a fleet that is on its way to "hmac".
func warnMode(r *report, mode *value, router *VirtualRouter) {
	if a := router.Auth; a.Kind == "hmac" && a.Mode != "enforce" && mode != nil {
		r.warn(mode.pos, mode.path()+mode.assigned()+": adverts without a signature are heeded, too, so "+router.Name+
			` is not protected; set "enforce" once all of its nodes sign`)
	}
}

// warnGroups remarks on members of one group that would not come and go together.
func warnGroups(r *report, root *value, c *Config) {
	routers := map[string]*VirtualRouter{}
	for i := range c.VRRP {
		routers[c.VRRP[i].Name] = &c.VRRP[i]
	}
	delete(routers, "") // those whose name was refused
	for i, g := range c.SyncGroups {
		list := root.child("sync_group").item(i).child("members")
		var first *VirtualRouter
		for _, name := range g.Members {
			router := routers[name]
			if router == nil {
				continue
			}
			first = cmp.Or(first, router)
			warnMember(r, list, first, router)
		}
	}
}

func warnMember(r *report, list *value, first, router *VirtualRouter) {
	switch {
	case router.Priority != first.Priority:
		r.warn(list.key, fmt.Sprintf("%s: %s has priority %d and %s %d; with one priority for all, they agree on a master",
			list.path(), first.Name, first.Priority, router.Name, router.Priority))
	case router.AdvertInterval != first.AdvertInterval:
		r.warn(list.key, fmt.Sprintf("%s: %s has advert_interval %v and %s %v; with one for all, they notice a failure together",
			list.path(), first.Name, first.AdvertInterval, router.Name, router.AdvertInterval))
	}
}
