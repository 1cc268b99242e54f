package seesaw

import (
	"fmt"

	pb "github.com/google/seesaw/pb/config"

	"github.com/perch-vip/perch/cmd/internal/document"
)

// writeBGP writes how anycast VIPs are announced. Seesaw's engine announces nothing else, and
// leaves peers to the configuration of bgpd.
//
// perch does not know [bgp] yet, so that the table is a comment.
func (im *importer) writeBGP(c *pb.Cluster) {
	at := im.root.at("bgp_local_asn")
	if len(c.GetBgpPeer()) > 0 {
		im.note(im.root.at("bgp_peer"), "bgp_peer", "peers and bgp_remote_asn are in bgpd's own configuration, where Seesaw's engine leaves them, too")
	}
	if len(im.anycast) == 0 {
		return
	}
	addresses := make([]string, len(im.anycast))
	for i, a := range im.anycast {
		addresses[i] = a.String()
	}
	d := &document.Document{}
	t := d.Table("bgp", document.Place{})
	t.Set("asn", document.Number(c.GetBgpLocalAsn()), document.Place{})
	t.Set("anycast", document.Flag(true), document.Place{})
	t.Set("vips", document.Texts(addresses, document.Place{}), document.Place{})
	im.doc.Tail = append(im.doc.Tail, "Anycast VIPs are to be announced by bgpd:", string(d.Render().Text))
	im.lose(at, "bgp_local_asn", fmt.Sprintf("announces anycast VIPs (%s, ...) by BGP from each node, while all services of a VIP are well", addresses[0]),
		"perch has only the owner hold them: use the [bgp] at the end of the output once this version has it")
}
