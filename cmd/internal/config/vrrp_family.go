package config

import "net/netip"

// IPv6 reports the family of the router, which is that of its addresses. Where it has
// none it is Family, or else that of its source, its peers or what is excluded.
func (r *VirtualRouter) IPv6() bool { return r.family() == "ipv6" }

// hasFamily reports whether something that could be read tells the family.
func (r *VirtualRouter) hasFamily() bool { return r.family() != "" }

// family returns "ipv4" or "ipv6", or "" if nothing tells.
func (r *VirtualRouter) family() string {
	switch {
	case len(r.Addresses) > 0:
		return familyOfFirst(r.Addresses)
	case r.Family != "":
		return r.Family
	case r.Source.IsValid():
		return familyOf(r.Source)
	}
	for _, p := range r.UnicastPeers {
		if p.Address.IsValid() {
			return familyOf(p.Address)
		}
	}
	return familyOfFirst(r.ExcludedAddresses)
}

// familyOfFirst is that of the first address that could be read.
func familyOfFirst(list []Address) string {
	for _, a := range list {
		if a.Prefix.IsValid() {
			return familyOf(a.Prefix.Addr())
		}
	}
	return ""
}

func familyOf(a netip.Addr) string {
	if a.Is6() {
		return "ipv6"
	}
	return "ipv4"
}
