package doctor

import (
	"fmt"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// cutOff finds default gateways within a range: whoever has the range takes them for itself.
func cutOff(c *config.Config, f Facts) (all []Finding) {
	for _, v := range c.VIPs {
		for _, gateway := range f.Gateways {
			if v.Prefix && v.Has(gateway) {
				all = append(all, Finding{
					Error, "vip " + v.Address.String(), fmt.Sprintf("has the default gateway %s: this host loses it when it owns the range, and all others hear that it is here", gateway),
					f.edit("have a range without it"),
				})
			}
		}
	}
	return all
}

// unanswered finds interfaces on which the kernel answers no ARP request for a range: it
// does so for a local route only with arp_ignore at 0.
func unanswered(c *config.Config, f Facts) (all []Finding) {
	for _, v := range c.VIPs {
		if !v.Prefix || !v.Address.Addr().Is4() {
			continue
		}
		one, other := "net/ipv4/conf/all/arp_ignore", "net/ipv4/conf/"+v.Interface+"/arp_ignore"
		if value := max(f.Sysctls[one], f.Sysctls[other]); value > 0 {
			all = append(all, Finding{
				Error, sysctl.Display(other), fmt.Sprintf("is %d: the kernel answers no ARP request for the range %s", value, v.Address),
				"sysctl -w " + sysctl.Setting{Name: one}.String() + " " + sysctl.Setting{Name: other}.String(),
			})
		}
	}
	return all
}
