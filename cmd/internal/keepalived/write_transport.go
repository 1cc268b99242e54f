package keepalived

import (
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeTransport says how adverts travel.
func (im *importer) writeTransport(t *document.Table, i *instance, version int) {
	if i.source.given() {
		im.set(t, "source", document.Text(i.source.value.String()), i.source.by)
	}
	switch {
	case i.trackSource.value && i.source.given():
		im.set(t, "track_source", document.Flag(true), i.trackSource.by)
	case i.trackSource.value:
		im.remark(i.trackSource.by, "does nothing here without unicast_src_ip or mcast_src_ip, which say the address that is followed")
	}
	if len(i.peers) > 0 {
		im.writePeers(t, i)
	} else {
		im.writeGroup(t, i)
		if i.unicastTTL.given() {
			im.remark(i.unicastTTL.by, "does nothing without unicast_peer, there as here")
		}
	}
	sum := i.checksumAsVersion2.or(im.routing.globals.checksumAsVersion2)
	if sum.value && version == 3 && !i.ipv6() {
		im.set(t, "checksum", document.Text("message-only"), sum.by)
	}
}

func (im *importer) writePeers(t *document.Table, i *instance) {
	l := &list{comments: im.above(i.by, "unicast_peer")}
	for n := range i.peers {
		p := &i.peers[n]
		v := document.Text(p.address.String())
		if p.minTTL != 0 || p.maxTTL != 0 {
			table := pairs{{Name: "address", Value: v}}
			table.number("min_ttl", p.minTTL)
			table.number("max_ttl", p.maxTTL)
			v = document.Inline(table...)
		}
		im.add(l, v, p.by)
	}
	l.write(t, "unicast_peers")
	if far := i.peers[0].address; i.ipv6() && !far.IsLinkLocalUnicast() && !i.source.given() {
		im.remark(i.unicast.by, "without unicast_src_ip keepalived sends adverts to "+far.String()+" from its link-local address, which perch refuses, since no peer has it: while some nodes run keepalived, give unicast_src_ip on each")
	}
	switch ttl := i.unicastTTL; {
	case ttl.given():
		im.set(t, "unicast_ttl", document.Number(max(ttl.value, 1)), ttl.by)
	case i.ipv6(): // where keepalived leaves it to the kernel
		im.set(t, "unicast_ttl", document.Number(usualHopLimit), i.unicast.by)
	}
}

// usualHopLimit is what the kernel sends over IPv6 with if nobody says another one.
const usualHopLimit = 64

// writeGroup says to which multicast group adverts go, if it is not the usual one.
func (im *importer) writeGroup(t *document.Table, i *instance) {
	if i.unicast.given() {
		im.remark(i.unicast.by, "has no peer, and so keepalived sends adverts to the multicast group, and so it is here")
	}
	group, usual := im.routing.globals.group4, netip.AddrFrom4([4]byte{224, 0, 0, 18})
	if i.ipv6() {
		group, usual = im.routing.globals.group6, netip.MustParseAddr("ff02::12")
	}
	group = i.multicast.or(group)
	if group.given() && group.value != usual {
		im.set(t, "multicast_group", document.Text(group.value.String()), group.by)
	}
}

// writeAccept says how the router meets packets to its addresses and adverts of others.
func (im *importer) writeAccept(t *document.Table, i *instance, version int) {
	g := &im.routing.globals
	accept, strict := i.accept, i.strict.or(g.strict)
	switch {
	case !strict.value:
	case accept.value && version == 2:
		im.remark(accept.by, "does not count with vrrp_strict and version 2, for keepalived either")
		accept = said[bool]{false, strict.by}
	case !accept.given() && !i.owner():
		accept = said[bool]{false, strict.by}
	}
	if accept.given() && !accept.value && !i.owner() {
		im.set(t, "accept", document.Flag(false), accept.by)
	}
	lower := i.lowerPriorityNoAdvert.or(g.lowerPriorityNoAdvert)
	if strict.value && !lower.value {
		lower = said[bool]{true, strict.by}
	}
	if lower.value {
		im.set(t, "answer_lower_priority", document.Flag(false), lower.by)
	}
	higher := i.higherPrioritySendAdvert.or(g.higherPrioritySendAdvert)
	switch {
	case higher.value && strict.value:
		im.remark(higher.by, "does not count with vrrp_strict, for keepalived either")
	case higher.value:
		im.set(t, "answer_higher_priority", document.Flag(true), higher.by)
	}
}
