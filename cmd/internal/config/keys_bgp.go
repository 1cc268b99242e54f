package config

import "math"

func defaultBGP() BGP { return BGP{Socket: "/var/run/frr/bgpd.vty"} }

const bgpVIPsRule = "must be a list of addresses of [[vip]], such as [\"198.18.0.100\"]"

func bgpKeys(b *BGP) []key {
	return []key{
		optional("socket", text(&b.Socket, socketRule, parseSocket)),
		required("asn", integer(&b.ASN, 1, math.MaxUint32)),
		optional("anycast", boolean(&b.Anycast)),
		optional("vips", texts(&b.Only, bgpVIPsRule, addressRule, parseAddress)),
	}
}
