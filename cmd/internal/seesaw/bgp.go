package seesaw

import (
	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeBGP says how anycast VIPs are announced. Seesaw's engine announces nothing else, and
// leaves peers to the configuration of bgpd.
func (im *importer) writeBGP(c *pb.Cluster) {
	if len(c.GetBgpPeer()) > 0 {
		im.note(im.root.at("bgp_peer"), "bgp_peer", "peers and bgp_remote_asn are in bgpd's own configuration, where Seesaw's engine leaves them, too")
	}
	if len(im.anycast) == 0 {
		return
	}
	at := im.root.at("bgp_local_asn")
	addresses := make([]string, len(im.anycast))
	for i, a := range im.anycast {
		addresses[i] = a.String()
	}
	t := im.doc.Table("bgp", im.from(at))
	t.Set("asn", document.Number(c.GetBgpLocalAsn()), im.from(at))
	t.Set("anycast", document.Flag(true), im.from(at))
	t.Set("vips", document.Texts(addresses, im.from(at)), im.from(at))
	im.lose(at, "bgp_local_asn", "withdraws an anycast VIP from a node while one of its services is not well there",
		"perch's nodes withdraw all of them, and only for checks of the node: let a [[check]] that cluster.track names look at what they serve")
}
