package main

import (
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

func TestRenderBGP(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	minutes := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }
	announcing := api.Status{Node: "lb1", BGP: &api.BGP{
		State: api.BGPAnnounced, Since: minutes(7), ASN: 65001, Anycast: true, Announced: []string{"198.18.1.100/32", "2001:db8:1::100/128"},
		Neighbors: []api.BGPNeighbor{
			{Address: "198.18.0.254", ASN: 65000, State: "Established", Up: true, Since: minutes(90), Received: 12},
			{Address: "198.18.0.253", ASN: 65000, State: "Active"},
		},
	}}
	wedged := api.Status{
		Node: "lb1",
		BGP: &api.BGP{
			State: api.BGPWedged, Since: minutes(1), ASN: 65001, Error: "bgpd does not answer",
			Announced: []string{"198.18.1.1/32", "198.18.1.2/32", "198.18.1.3/32"},
		},
		Warnings: []string{"BGP: this node can neither announce nor withdraw a VIP: bgpd does not answer"},
	}
	standby := api.Status{Node: "lb1", BGP: &api.BGP{State: api.BGPStandby, Since: minutes(3), ASN: 65001}}
	for name, s := range map[string]api.Status{"bgp": announcing, "bgp-wedged": wedged, "bgp-standby": standby} {
		golden(t, name, renderStatus(s, view{now: now, paint: noColour}))
	}
}
