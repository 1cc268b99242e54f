package vip

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Indices into the kernel's per-interface settings (linux/ip.h, linux/ipv6.h).
// The IPv4 ones count from 1 in messages, and from 0 in the array.
const (
	promoteSecondaries = 20 // IPV4_DEVCONF_PROMOTE_SECONDARIES
	forwarding6        = 0  // DEVCONF_FORWARDING
)

// Values of IFLA_EVENT (linux/if_link.h): a bond uses another of its ports, or a
// driver asks for announcements, as its machine has moved to another host.
const (
	eventFailover    = 3
	eventNotifyPeers = 4
)

// link is one network interface as far as it matters to a VIP. It is comparable.
type link struct {
	index    int
	name     string
	up       bool   // switched on by its administrator
	running  bool   // up, and can pass frames
	ethernet bool   // has a 6-byte MAC, and neighbours that resolve addresses
	mac      hwAddr // zero unless ethernet
	master   int    // index of the bridge, bond or VRF it is part of, 0 if none
	flaps    uint32 // how often its carrier has come or gone
	promotes bool   // a secondary IPv4 address outlives its primary
	routes   bool   // forwards IPv6: neighbours are told of a router
}

// moved reports whether neighbours of l must be told anew after it became now.
func (l link) moved(now link) bool {
	l.promotes, l.routes = now.promotes, now.routes
	return l != now
}

// linkNews is a link with all names it answers to, as the kernel describes it.
type linkNews struct {
	link
	names   []string
	family  byte // of the part of the kernel that speaks
	partial bool // says nothing of the link itself
	rewired bool // is elsewhere on its network, although it looks the same
}

// parseLink reads the payload of RTM_NEWLINK or RTM_DELLINK.
func parseLink(b []byte) (linkNews, error) {
	if len(b) < unix.SizeofIfInfomsg {
		return linkNews{}, fmt.Errorf("interface of %d bytes: %w", len(b), errShort)
	}
	flags := binary.NativeEndian.Uint32(b[8:])
	l := linkNews{family: b[0], link: link{
		index:   int(int32(binary.NativeEndian.Uint32(b[4:]))),
		up:      flags&unix.IFF_UP != 0,
		running: flags&unix.IFF_UP != 0 && flags&unix.IFF_RUNNING != 0,
	}}
	for kind, value := range attributes(b[unix.SizeofIfInfomsg:]) {
		l.setAttribute(kind, value)
	}
	arphrd := binary.NativeEndian.Uint16(b[2:])
	l.ethernet = arphrd == unix.ARPHRD_ETHER && flags&unix.IFF_NOARP == 0 && l.mac != hwAddr{}
	if !l.ethernet {
		l.mac = hwAddr{}
	}
	return l, nil
}

func (l *linkNews) setAttribute(kind uint16, value []byte) {
	switch kind {
	case unix.IFLA_IFNAME:
		l.name = cString(value)
		l.names = append(l.names, l.name)
	case unix.IFLA_PROP_LIST:
		for kind, value := range attributes(value) {
			if kind == unix.IFLA_ALT_IFNAME {
				l.names = append(l.names, cString(value))
			}
		}
	case unix.IFLA_ADDRESS:
		if len(value) == len(l.mac) {
			l.mac = hwAddr(value)
		}
	case unix.IFLA_MASTER:
		l.master = int(uint32At(value, 0))
	case unix.IFLA_CARRIER_CHANGES:
		l.flaps = uint32At(value, 0)
	case unix.IFLA_AF_SPEC:
		l.setFamilies(value)
	case unix.IFLA_EVENT:
		event := uint32At(value, 0)
		l.rewired = event == eventFailover || event == eventNotifyPeers
	case unix.IFLA_WIRELESS:
		l.partial = true
	}
}

func (l *linkNews) setFamilies(b []byte) {
	for family, settings := range attributes(b) {
		for kind, value := range attributes(settings) {
			switch {
			case family == unix.AF_INET && kind == unix.IFLA_INET_CONF:
				l.promotes = uint32At(value, promoteSecondaries-1) != 0
			case family == unix.AF_INET6 && kind == unix.IFLA_INET6_CONF:
				l.routes = uint32At(value, forwarding6) != 0
			}
		}
	}
}

// appendLinkHeader appends a struct ifinfomsg that names an interface, or none with 0.
func appendLinkHeader(b []byte, index int) []byte {
	b = append(b, unix.AF_UNSPEC, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	return append(b, make([]byte, 8)...)
}

// appendLinkQuery appends the payload of an RTM_GETLINK for a name, or for an
// index if the name is empty.
func appendLinkQuery(b []byte, name string, index int) []byte {
	const skipStatistics = 1 << 3 // RTEXT_FILTER_SKIP_STATS
	b = appendLinkHeader(b, index)
	if name != "" {
		b = appendAttribute(b, unix.IFLA_IFNAME, append([]byte(name), 0))
	}
	return appendUint32(b, unix.IFLA_EXT_MASK, skipStatistics)
}

// appendPromotion appends the payload of an RTM_SETLINK that sets whether the
// secondary IPv4 addresses of an interface outlive their primary.
func appendPromotion(b []byte, index int, value uint32) []byte {
	setting := appendUint32(nil, promoteSecondaries, value)
	conf := appendAttribute(nil, unix.IFLA_INET_CONF|unix.NLA_F_NESTED, setting)
	family := appendAttribute(nil, unix.AF_INET|unix.NLA_F_NESTED, conf)
	b = appendLinkHeader(b, index)
	return appendAttribute(b, unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, family)
}
