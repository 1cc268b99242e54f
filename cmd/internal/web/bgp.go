package web

import (
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// renderBGP appends how VIPs are announced by BGP.
func renderBGP(b []byte, s *api.BGP) []byte {
	b = appendHead(b, metric{bgpUp, gauge, "1 if bgpd does what it is told; else perch status has the reason."})
	b = appendSample(b, bgpUp, nil, one(s.Error == ""))
	b = appendHead(b, metric{bgpState, gauge, "The state that announcing is in, as a label; always 1."})
	b = appendSample(b, bgpState, appendLabels(nil, "state", s.State), 1)
	b = appendHead(b, metric{bgpWanted, gauge, "Networks that this node wants announced."})
	b = appendSample(b, bgpWanted, nil, uint64(len(s.Wanted)))
	b = appendHead(b, metric{bgpAnnounced, gauge, "Networks of perch in bgpd's configuration, at the last look."})
	b = appendSample(b, bgpAnnounced, nil, uint64(len(s.Announced)))
	b = appendHead(b, metric{bgpFailures, counter, "Attempts to speak to bgpd that failed."})
	b = appendSample(b, bgpFailures, nil, s.Failures)
	return renderNeighbors(b, s.Neighbors)
}

func renderNeighbors(b []byte, neighbors []api.BGPNeighbor) []byte {
	if len(neighbors) == 0 {
		return b
	}
	var labels labelSets
	for i := range neighbors {
		labels.add("neighbor", neighbors[i].Address, "asn", strconv.FormatUint(uint64(neighbors[i].ASN), 10))
	}
	b = appendHead(b, metric{bgpNeighbor, gauge, "1 if the session with the neighbor is established."})
	for i := range neighbors {
		b = appendSample(b, bgpNeighbor, labels.at(i), one(neighbors[i].Up))
	}
	b = appendHead(b, metric{bgpReceived, gauge, "Prefixes that the neighbor has sent."})
	for i := range neighbors {
		b = appendSample(b, bgpReceived, labels.at(i), uint64(neighbors[i].Received))
	}
	return b
}
