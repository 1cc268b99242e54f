package web

import (
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// The names of the metrics of BGP and of IPVS as a whole.
const (
	bgpUp        = "perch_bgp_up"
	bgpState     = "perch_bgp_state"
	bgpWanted    = "perch_bgp_networks_wanted"
	bgpAnnounced = "perch_bgp_networks_announced"
	bgpFailures  = "perch_bgp_failures_total"
	bgpNeighbor  = "perch_bgp_neighbor_up"
	bgpReceived  = "perch_bgp_neighbor_received_prefixes"
	ipvsUp       = "perch_ipvs_up"
	ipvsCounted  = "perch_ipvs_scrape_success"
)

// ofBGP is a family of how VIPs are announced by BGP.
func ofBGP(name, kind, help string, labels []string, collect func(*api.BGP, *sink)) family {
	return family{metric{name, kind, help, labels}, func(m *Metrics, s *sink) {
		if m.BGP != nil {
			collect(m.BGP, s)
		}
	}}
}

func bgpFamilies() []family {
	neighbor := []string{"neighbor", "asn"}
	each := func(value func(*api.BGPNeighbor) uint64) func(*api.BGP, *sink) {
		return func(b *api.BGP, s *sink) {
			for i := range b.Neighbors {
				n := &b.Neighbors[i]
				s.count(value(n), n.Address, strconv.FormatUint(uint64(n.ASN), 10))
			}
		}
	}
	return []family{
		ofBGP(bgpState, gauge, "The state that announcing is in, as a label; always 1.", []string{"state"},
			func(b *api.BGP, s *sink) { s.add(1, b.State) }),
		ofBGP(bgpUp, gauge, "1 if bgpd does what it is told; else perch status has the reason.", nil,
			func(b *api.BGP, s *sink) { s.state(b.Error == "") }),
		ofBGP(bgpWanted, gauge, "Networks that this node wants announced.", nil,
			func(b *api.BGP, s *sink) { s.add(float64(len(b.Wanted))) }),
		ofBGP(bgpAnnounced, gauge, "Networks of perch in bgpd's configuration, at the last look.", nil,
			func(b *api.BGP, s *sink) { s.add(float64(len(b.Announced))) }),
		ofBGP(bgpFailures, counter, "Attempts to speak to bgpd that failed.", nil,
			func(b *api.BGP, s *sink) { s.count(b.Failures) }),
		ofBGP(bgpNeighbor, gauge, "1 if the session with the neighbor is established.", neighbor,
			each(func(n *api.BGPNeighbor) uint64 { return one(n.Up) })),
		ofBGP(bgpReceived, gauge, "Prefixes that the neighbor has sent.", neighbor,
			each(func(n *api.BGPNeighbor) uint64 { return uint64(n.Received) })),
	}
}

func ipvsFamilies() []family {
	return []family{
		{
			metric{ipvsUp, gauge, "1 if the kernel's IPVS is ready; else perch status has the reason.", nil},
			func(m *Metrics, s *sink) {
				if m.IPVS != nil {
					s.state(m.IPVS.State == api.ServiceReady)
				}
			},
		},
		{
			metric{ipvsCounted, gauge, "1 if the kernel's table could be read; else what it counts is missing here.", nil},
			func(m *Metrics, s *sink) {
				if m.IPVS != nil {
					s.state(m.Counted)
				}
			},
		},
	}
}
