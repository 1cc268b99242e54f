package doctor

import (
	"fmt"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// What follows is about a director that is a real server of another one, too. It then
// has the VIP on an interface that tells nobody of it: lo.

// arp keeps it from answering for that address to the segment, and from using it in
// questions of its own. IPv6 answers only for what is on the interface.
func arp(c *config.Config, f Facts) (need, bool) {
	quiet := ""
	for vip := range vips(c) {
		for _, i := range f.Interfaces {
			if i.Loopback && vip.Is4() && i.has(vip) && (quiet == "" || vip.String() < quiet) {
				quiet = vip.String()
			}
		}
	}
	return need{
		Error,
		[]sysctl.Setting{{Name: "net/ipv4/conf/all/arp_ignore", Value: 1}, {Name: "net/ipv4/conf/all/arp_announce", Value: 2}},
		quiet + " is on lo, and this host answers for it to the network when another one owns it",
	}, quiet != ""
}

// direct returns whether a server of this host gets packets for the VIP itself.
func direct(f Facts, server config.RealServer) bool {
	return server.Forward != "nat" && f.own(server.Address.Addr())
}

// backupOnly keeps it from balancing again what another director has sent to it. The
// kernel minds it only while its daemon takes connections from others.
func backupOnly(c *config.Config, f Facts) (need, bool) {
	names := serving(c, func(_ *config.Service, server config.RealServer) bool { return direct(f, server) })
	return need{
		Warning,
		[]sysctl.Setting{{Name: "net/ipv4/vs/backup_only", Value: 1}},
		"this host is a server of " + names + ", and balances again what the owner sends to it",
	}, names != "" && c.IPVS.Nodes != "owner" && c.IPVS.Sync != nil
}

// ownServers finds what no sysctl mends.
func ownServers(c *config.Config, f Facts) (all []Finding) {
	names := serving(c, func(_ *config.Service, server config.RealServer) bool { return direct(f, server) })
	if names == "" {
		return nil
	}
	if c.IPVS.Nodes != "owner" && c.IPVS.Sync == nil {
		all = append(all, Finding{
			Warning, "ipvs.nodes", "is not owner: this host is a server of " + names + ", and balances again what the owner sends to it",
			f.edit(`nodes = "owner" in [ipvs], or give it an [ipvs.sync]`),
		})
	}
	if fence := c.Fence(); fence != "off" && fence != "lifetime" {
		all = append(all, Finding{
			Warning, "fence", "is " + fence + ": this host is a server of " + names + ", and what it answers with the VIP is dropped when another one owns that",
			f.edit(`fence = "lifetime"; or have another host be the server`),
		})
	}
	return all
}

// tunnelEnds finds the reverse path filter of an interface at which tunnelled packets
// come out: their senders are reached by others.
func tunnelEnds(c *config.Config, f Facts) (all []Finding) {
	names := serving(c, func(_ *config.Service, server config.RealServer) bool {
		return server.Forward == "tunnel" && direct(f, server)
	})
	if names == "" {
		return nil
	}
	for _, i := range f.Interfaces {
		name := "net/ipv4/conf/" + i.Name + "/rp_filter"
		strict := max(f.Sysctls["net/ipv4/conf/all/rp_filter"], f.Sysctls[name]) == 1
		if i.Up && strict && slices.Contains([]string{"ipip", "gre"}, i.Kind) {
			all = append(all, Finding{
				Error, sysctl.Display(name),
				fmt.Sprintf("is strict: what comes out of the tunnel for %s, of which this host is a server, is dropped", names),
				"sysctl -w " + sysctl.Setting{Name: name, Value: 2}.String(),
			})
		}
	}
	return all
}
