package daemon

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestOtherSettings(t *testing.T) {
	list := func(addresses ...string) (vips []config.VIP) {
		for _, a := range addresses {
			vips = append(vips, config.VIP{Address: netip.MustParsePrefix(a)})
		}
		return vips
	}
	peers := func(names ...string) (all []config.Peer) {
		for i, name := range names {
			all = append(all, config.Peer{Name: name, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, byte(i + 1)}), 7400), Priority: 100})
		}
		return all
	}
	ours := &config.Config{
		Cluster: &config.Cluster{Preempt: true, Peers: peers("lb1", "lb2")},
		VIPs:    list("198.18.0.100/24", "198.18.0.101/24"),
	}
	for name, test := range map[string]struct {
		change func(c *config.Config)
		want   []string
	}{
		"the same":      {func(*config.Config) {}, nil},
		"another order": {func(c *config.Config) { slices.Reverse(c.VIPs) }, nil},
		"a value":       {func(c *config.Config) { c.Cluster.Preempt = false }, []string{"cluster.preempt is false there, and true here"}},
		"another VIP":   {func(c *config.Config) { c.VIPs = list("198.18.0.100/24", "198.18.0.102/24") }, []string{"its VIPs are others (only there: 198.18.0.102/24; only here: 198.18.0.101/24)"}},
		"a VIP less":    {func(c *config.Config) { c.VIPs = c.VIPs[:1] }, []string{"its VIPs are others (only there: none; only here: 198.18.0.101/24)"}},
		"a witness":     {func(c *config.Config) { c.VIPs = nil }, nil},
		"another peer": {func(c *config.Config) { c.Cluster.Peers = peers("lb1", "lb3") }, []string{
			"its peer lb2 is none, and here 198.18.0.2:7400, priority 100",
			"its peer lb3 is 198.18.0.2:7400, priority 100, and here none",
		}},
		"a peer changed": {func(c *config.Config) { c.Cluster.Peers[1].Priority = 50 }, []string{
			"its peer lb2 is 198.18.0.2:7400, priority 50, and here 198.18.0.2:7400, priority 100",
		}},
	} {
		theirs := &config.Config{
			Cluster: &config.Cluster{Preempt: true, Peers: peers("lb1", "lb2")},
			VIPs:    list("198.18.0.100/24", "198.18.0.101/24"),
		}
		test.change(theirs)
		report := api.NodeReport{Settings: commonSettings(theirs)}
		for _, v := range theirs.VIPs {
			report.VIPs = append(report.VIPs, api.VIP{Address: v.Address.String()})
		}
		if got := otherSettings(ours, report); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if got := otherSettings(ours, api.NodeReport{}); got != nil {
		t.Errorf("a version that does not tell: %q", got)
	}
}
