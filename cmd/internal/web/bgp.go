package web

import (
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// renderBGP appends how VIPs are announced by BGP.
func renderBGP(b []byte, s *api.BGP) []byte {
	b = appendHead(b, metric{bgpState, gauge, "The state that announcing is in, as a label; always 1."})
	b = appendSample(b, bgpState, appendLabels(nil, "state", s.State), 1)
	for _, each := range []struct {
		metric
		value uint64
	}{
		{metric{bgpUp, gauge, "1 if bgpd does what it is told; else perch status has the reason."}, one(s.Error == "")},
		{metric{bgpWanted, gauge, "Networks that this node wants announced."}, uint64(len(s.Wanted))},
		{metric{bgpAnnounced, gauge, "Networks of perch in bgpd's configuration, at the last look."}, uint64(len(s.Announced))},
		{metric{bgpFailures, counter, "Attempts to speak to bgpd that failed."}, s.Failures},
	} {
		b = appendHead(b, each.metric)
		b = appendSample(b, each.name, nil, each.value)
	}
	return renderNeighbors(b, s.Neighbors)
}

// renderNeighbors appends how bgpd's neighbors are.
func renderNeighbors(b []byte, neighbors []api.BGPNeighbor) []byte {
	if len(neighbors) == 0 {
		return b
	}
	for _, each := range []struct {
		metric
		value func(*api.BGPNeighbor) uint64
	}{
		{metric{bgpNeighbor, gauge, "1 if the session with the neighbor is established."}, func(n *api.BGPNeighbor) uint64 { return one(n.Up) }},
		{metric{bgpReceived, gauge, "Prefixes that the neighbor has sent."}, func(n *api.BGPNeighbor) uint64 { return uint64(n.Received) }},
	} {
		b = appendHead(b, each.metric)
		for i := range neighbors {
			labels := appendLabels(nil, "neighbor", neighbors[i].Address, "asn", strconv.FormatUint(uint64(neighbors[i].ASN), 10))
			b = appendSample(b, each.name, labels, each.value(&neighbors[i]))
		}
	}
	return b
}
