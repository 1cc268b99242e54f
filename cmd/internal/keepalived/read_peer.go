package keepalived

import (
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/keepalived/syntax"
)

// readPeers reads unicast_peer { ADDRESS [min_ttl N] [max_ttl N] }.
func readPeers(im *importer, s *syntax.Statement, i *instance) {
	own := i.own()
	own.unicast = said[bool]{true, s}
	for _, line := range im.block(s) {
		if p, ok := im.peer(line); ok {
			own.peers = append(own.peers, p)
		}
	}
}

func (im *importer) peer(s *syntax.Statement) (p peer, ok bool) {
	p.by = s
	words := newWords(im, s)
	for words.more() {
		switch word := words.next(); word {
		case "min_ttl":
			p.minTTL = words.number(0, 255)
		case "max_ttl":
			p.maxTTL = words.number(0, 255)
		default:
			before := p.address.IsValid()
			p.address = words.address(word)
			words.alone(before, word)
		}
	}
	if words.good() && !p.address.IsValid() {
		words.wrong("has no address of a peer")
	}
	return p, words.good()
}

// dropPeers takes out the router itself, since one list may be for all nodes, and what was
// given before.
func (im *importer) dropPeers(i *instance) {
	seen := map[netip.Addr]bool{}
	var peers []peer
	for _, p := range i.peers {
		switch {
		case p.address == i.source.value:
			im.remark(p.by, "is the router's own address, to which it sends nothing")
		case seen[p.address]:
			im.remark(p.by, "was given before, and this line does nothing")
		default:
			seen[p.address] = true
			peers = append(peers, p)
		}
	}
	if len(peers) == 0 {
		im.wrong(i.unicast.by, "has no peer but the router itself; must have another")
	}
	i.own().peers = peers
}
