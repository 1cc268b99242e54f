package daemon

import (
	"fmt"
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/bgp"
)

// bgpStatus is how this node announces VIPs by BGP; nil if it does not.
func (d *daemon) bgpStatus() *api.BGP {
	if d.herald == nil {
		return nil
	}
	return bgpOf(d.config().BGP, d.herald.speaker.Status())
}

func bgpOf(cfg *config.BGP, s bgp.Status) *api.BGP {
	out := &api.BGP{
		State:     string(s.State),
		Since:     s.Since,
		Error:     s.Error,
		ASN:       cfg.ASN,
		Anycast:   cfg.Anycast,
		Wanted:    textsOf(s.Wanted),
		Announced: textsOf(s.Announced),
		Neighbors: []api.BGPNeighbor{},
		Unchecked: s.Unchecked,
		Took:      s.Took,
		Failures:  s.Failures,
	}
	for _, n := range s.Neighbors {
		out.Neighbors = append(out.Neighbors, api.BGPNeighbor{
			Address: n.Name, ASN: n.ASN, State: n.State.String(), Up: n.Up(), Since: n.Established, Received: n.Received,
		})
	}
	return out
}

func textsOf(list []netip.Prefix) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

// bgpAlarms are warnings about a status, worst first.
func bgpAlarms(s *api.BGP) []string {
	var alarms []string
	if s == nil {
		return nil
	}
	up := 0
	for _, n := range s.Neighbors {
		if n.Up {
			up++
		}
	}
	failing := s.Error != ""
	switch {
	case failing:
		alarms = append(alarms, "BGP: this node can neither announce nor withdraw a VIP: "+s.Error)
	case up == 0 && s.State != string(bgp.Pending):
		alarms = append(alarms, fmt.Sprintf("BGP: none of bgpd's %d neighbors is established, so that no router hears of this node's VIPs", len(s.Neighbors)))
	}
	if s.Unchecked {
		alarms = append(alarms, "BGP: bgpd announces networks that the kernel has no route to, so that they stay announced when perch dies: take `no bgp network import-check` out of its configuration")
	}
	return alarms
}

// anycastVIPs are the VIPs that each node holds, as this one has them, and why.
func anycastVIPs(node, why string, list []vip.Status) []api.VIP {
	var out []api.VIP
	for _, v := range list {
		shown := api.VIP{
			Address: v.VIP.Address.String(), Interface: v.VIP.Interface,
			Held: v.Held, Since: v.Since, Reason: v.Reason, Readded: v.Readded, Conflict: conflictOf(v.Conflict),
		}
		if v.Held {
			shown.Owner = node
		}
		if shown.Reason == "" {
			shown.Reason = why
		}
		out = append(out, shown)
	}
	return out
}
