package seesaw

import (
	"fmt"
	"net/netip"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// seesawAnycast are the networks of anycast VIPs that are in Seesaw's source.
func seesawAnycast() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("192.168.255.0/24"), netip.MustParsePrefix("2015:cafe:ffff::/64")}
}

// network is a network that Seesaw finds the interface of a VIP by. Routed ones lead to
// addresses of no interface.
type network struct {
	netip.Prefix
	interfaceName string
	kind          kind
}

// kind is what kind of VIP is in a network.
type kind int

const (
	unicast kind = iota
	anycast
	dedicated
)

// findNetworks collects the networks, in the order in which Seesaw looks.
func (im *importer) findNetworks(c *pb.Cluster) {
	for _, p := range im.o.Anycast {
		im.networks = append(im.networks, network{p.Masked(), "lo", anycast})
	}
	written := im.root.every("dedicated_vip_subnet")
	for i, text := range c.GetDedicatedVipSubnet() {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			im.wrong(written.nth(i).place, fmt.Sprintf("dedicated_vip_subnet: %q must be a network, such as \"198.18.2.0/24\"", text))
			continue
		}
		im.networks = append(im.networks, network{p.Masked(), "lo", dedicated})
	}
	im.findVLANs(c)
	own := im.readHost(c.GetSeesawVip(), im.root.one("seesaw_vip"))
	im.addNetworks(own, im.o.Interface)
}

// addNetworks adds the networks of a host on an interface.
func (im *importer) addNetworks(h host, name string) {
	for _, p := range []netip.Prefix{h.v4, h.v6} {
		if p.IsValid() {
			im.networks = append(im.networks, network{p.Masked(), name, unicast})
		}
	}
}

// findVLANs adds the networks of VLANs.
func (im *importer) findVLANs(c *pb.Cluster) {
	ids, written := map[int32]bool{}, im.root.every("vlan")
	for i, v := range c.GetVlan() {
		f := written.nth(i)
		if id := v.GetVlanId(); ids[id] || id < 1 || id > 4094 {
			im.wrong(f.at("vlan_id"), fmt.Sprintf("vlan_id: %d must be a number from 1 to 4094, different for every vlan", id))
			continue
		}
		ids[v.GetVlanId()] = true
		im.addNetworks(im.readHost(v.GetHost(), f.one("host")), im.vlanInterface(v))
	}
}

func (im *importer) vlanInterface(v *pb.Vlan) string {
	return fmt.Sprintf("%s.%d", im.o.Interface, v.GetVlanId())
}

// writeOwnVIPs writes the addresses that Seesaw's master has for itself: the cluster's, and those
// on VLANs.
func (im *importer) writeOwnVIPs(c *pb.Cluster) {
	own := im.readHost(c.GetSeesawVip(), im.root.one("seesaw_vip"))
	if !own.v4.IsValid() && !own.v6.IsValid() {
		im.wrong(own.field.place, "seesaw_vip: it has no address")
	}
	im.writeHostVIPs(own, "seesaw_vip, "+own.name)
	written := im.root.every("vlan")
	for i, v := range c.GetVlan() {
		f := written.nth(i)
		name := im.vlanInterface(v)
		h := im.readHost(v.GetHost(), f.one("host"))
		im.writeHostVIPs(h, "vlan, "+h.name)
		im.lose(f.at("vlan_id"), "vlan", fmt.Sprintf("makes %s, and gives it the address of host on the master alone", name),
			fmt.Sprintf("perch makes no interfaces: have each node make it (ip link add link %s name %s type vlan id %d), with an address of its own from which it looks at servers", im.o.Interface, name, v.GetVlanId()))
	}
}

func (im *importer) writeHostVIPs(h host, remark string) {
	for _, f := range families {
		if a := h.in(f); a.IsValid() {
			im.writeVIP(h, f, remark)
		}
	}
}

// writeVIP writes an address of a host, unless it has been written: vservers may share one.
func (im *importer) writeVIP(h host, f family, remark string) {
	a := h.in(f)
	if im.vips[a] {
		return
	}
	im.vips[a] = true
	at := h.field.at(f.name)
	n := im.networkOf(h, f)
	bits := n.Bits()
	if n.kind != unicast {
		bits = a.BitLen()
	}
	if n.kind == anycast {
		im.anycast = append(im.anycast, a)
	}
	t := im.doc.Element("vip", im.from(at))
	t.Set("address", document.Text(netip.PrefixFrom(a, bits).String()), im.from(at)).Remark = remark
	t.Set("interface", document.Text(n.interfaceName), im.from(at))
}

// networkOf returns the network that an address is in. Seesaw knows by it on which interface it
// is, and with which prefix length: what is written beside the address does not count.
func (im *importer) networkOf(h host, f family) network {
	a := h.in(f)
	for _, n := range im.networks {
		if n.Contains(a) {
			return n
		}
	}
	im.note(h.field.at(f.name), f.name, fmt.Sprintf("%s is in no network that the file names; taken for one on %s", a, im.o.Interface))
	own := h.v4
	if f.name == "ipv6" {
		own = h.v6
	}
	return network{own, im.o.Interface, unicast}
}
