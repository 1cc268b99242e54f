package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Address is an address that is held, and how its interface gets it.
type Address struct {
	Prefix    netip.Prefix // the address itself with its prefix length
	Interface string       // "" for that of its router
	// What follows is for IPv4 only.
	Label     string     // "" for the name of the interface
	Scope     string     // "link" or "host", "" for global
	Broadcast netip.Addr // not valid for none
	// NoPrefixRoute keeps the kernel from adding a route to the address's network, also
	// where nothing else does.
	NoPrefixRoute bool
	Peer          netip.Addr // the other end of a point-to-point link, of the address's family; not valid for none
	// What follows is for IPv6 only.
	Preferred   bool // this node may speak from it of its own
	Home        bool // of Mobile IPv6
	MngTmpAddrs bool // the kernel makes temporary addresses beside it
}

const (
	addressesRule   = `must be a list, like ["198.18.0.100/24"]`
	heldAddressRule = `must be an address with its prefix length, like "198.18.0.100/24", or a table, like {address = "198.18.0.100/24", interface = "eth1"}`
	labelRule       = `must be 1 to 15 bytes without white space, like "eth0:1"`
	broadcastRule   = `must be an IPv4 address, like "198.18.0.255"`
	peerRule        = `must be the address of the other end of the link, without a prefix length, like "198.18.0.1"`
)

var (
	errNotIPv4 = errors.New("is not an IPv4 address")
	errSpace   = errors.New("has white space in it")
)

// heldAddress reads an address, or a table with more than that.
func heldAddress(a *Address) reader {
	return textOrTable(text(&a.Prefix, vipAddressRule, parseVIPAddress), table(a, heldAddressKeys), heldAddressRule)
}

func heldAddressKeys(a *Address) []key {
	return append([]key{
		required("address", text(&a.Prefix, vipAddressRule, parseVIPAddress)),
		optional("interface", text(&a.Interface, interfaceRule, parseInterface)),
	}, addressAttributeKeys(a)...)
}

// staticAddressKeys are those of an address without a router, whose interface it could have.
func staticAddressKeys(a *Address) []key {
	return append([]key{
		required("address", text(&a.Prefix, vipAddressRule, parseVIPAddress)),
		required("interface", text(&a.Interface, interfaceRule, parseInterface)),
	}, addressAttributeKeys(a)...)
}

func addressAttributeKeys(a *Address) []key {
	return []key{
		optional("label", text(&a.Label, labelRule, parseLabel)),
		optional("scope", choice(&a.Scope, option[string]{"global", ""}, option[string]{"link", "link"}, option[string]{"host", "host"})),
		optional("broadcast", text(&a.Broadcast, broadcastRule, parseBroadcast)),
		optional("prefix_route", negation(&a.NoPrefixRoute)),
		optional("peer", text(&a.Peer, peerRule, parseAddress)),
		optional("preferred", boolean(&a.Preferred)),
		optional("home", boolean(&a.Home)),
		optional("mngtmpaddr", boolean(&a.MngTmpAddrs)),
	}
}

// parseLabel reads the label of an IPv4 address, which has the size of an interface's name.
func parseLabel(s string) (string, error) {
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > 15:
		return "", errTooLong
	case strings.ContainsFunc(s, unicode.IsSpace):
		return "", errSpace
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errControl
	}
	return s, nil
}

func parseBroadcast(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, errNoAddress
	case !a.Is4():
		return netip.Addr{}, errNotIPv4
	case a.IsUnspecified():
		return netip.Addr{}, errUnspecified
	}
	return a, nil
}

// checkAttributes refuses what the kernel has not got of an address of this family.
func checkAttributes(r *report, list *value, addresses []Address) {
	for i, a := range addresses {
		if !a.Prefix.IsValid() {
			continue
		}
		item := list.item(i)
		checkPeer(r, item.child("peer"), a)
		keys, what, must := []string{"label", "scope", "broadcast"}, "is not for an IPv6 address", "must be left out, since the kernel keeps it of IPv4 addresses only"
		if a.Prefix.Addr().Is4() {
			keys, what, must = []string{"preferred", "home", "mngtmpaddr"}, "is not for an IPv4 address", "must be left out, since the kernel heeds it of IPv6 addresses only"
		}
		for _, key := range keys {
			if v := item.child(key); v != nil {
				r.badKey(v, what, must)
			}
		}
		if a.MngTmpAddrs && a.Prefix.Addr().Is6() && a.Prefix.Bits() != 64 {
			r.badValue(item.child("mngtmpaddr"), fmt.Sprintf("%s is of no /64", a.Prefix), "must be left out, since the kernel makes temporary addresses in networks of /64 only")
		}
	}
}

// checkPeer wants the other end of a link to be another host of the same family.
func checkPeer(r *report, peer *value, a Address) {
	switch {
	case peer == nil || !a.Peer.IsValid():
	case a.Peer.Is4() != a.Prefix.Addr().Is4():
		r.badValue(peer, "is not of the family of "+a.Prefix.Addr().String(), peerRule)
	case a.Peer == a.Prefix.Addr():
		r.badValue(peer, "is the address itself", peerRule)
	}
}
