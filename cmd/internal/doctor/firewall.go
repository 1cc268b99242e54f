package doctor

import "github.com/perch-vip/perch/cmd/internal/config"

// firewall reminds of rules by the state of connections, of which there is none for those
// of IPVS by default.
func firewall(c *config.Config, f Facts) []Finding {
	const name = "net/ipv4/vs/conntrack"
	if len(c.Services) == 0 || !f.Firewall || f.Sysctls[name] != 0 {
		return nil
	}
	return []Finding{{
		Hint, "net.ipv4.vs.conntrack",
		"is 0, and there are firewall rules: none that goes by the state of connections (ct state, masquerade, snat) does what it says for those of services",
		"sysctl -w net.ipv4.vs.conntrack=1",
	}}
}
