package seesaw

import (
	"fmt"
	"net/netip"
	"strings"

	pb "github.com/google/seesaw/pb/config"
)

// host is a Host of a cluster.pb.
type host struct {
	field  *field
	name   string       // without the dot at the end
	v4, v6 netip.Prefix // with the address's own bits; the zero Prefix for none
	status pb.Host_Status
}

// families are the families of addresses in the order in which Seesaw has them.
var families = []family{{"ipv4", ""}, {"ipv6", "-ipv6"}}

// family is a family of addresses: its name, and how names of what is of it end.
type family struct{ name, ending string }

// readHost reads a host.
func (im *importer) readHost(h *pb.Host, f *field) host {
	return host{
		field:  f,
		name:   strings.TrimRight(h.GetFqdn(), "."),
		v4:     im.readAddress(h.GetIpv4(), f, "ipv4"),
		v6:     im.readAddress(h.GetIpv6(), f, "ipv6"),
		status: h.GetStatus(),
	}
}

// readAddress reads an address with its prefix length. Seesaw itself passes over what it cannot
// read, as if there were no address.
func (im *importer) readAddress(text string, f *field, name string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4() != (name == "ipv4") || p.Addr().Is4In6() {
		example := map[string]string{"ipv4": "198.18.0.1/24", "ipv6": "2001:db8::1/64"}[name]
		im.wrong(f.at(name), fmt.Sprintf("%s: %q must be an address with its prefix length, such as %q", name, text, example))
		return netip.Prefix{}
	}
	return p
}

// in returns the host's address of a family. It is not valid if there is none.
func (h host) in(f family) netip.Addr {
	if f.name == "ipv4" {
		return h.v4.Addr()
	}
	return h.v6.Addr()
}

// on says whether Seesaw uses a host of a vserver: servicedb's other states are those of
// machines that are not there yet, or have been taken away.
func (h host) on() bool { return h.status == pb.Host_PRODUCTION || h.status == pb.Host_TESTING }

// counts says whether a backend counts among those that watermarks are fractions of.
func (h host) counts() bool { return h.status != pb.Host_PROPOSED && h.status != pb.Host_BUILDING }
