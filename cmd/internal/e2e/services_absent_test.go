package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// balanced are services of the usual VIPs, and what else there is of IPVS.
const balanced = `
[ipvs]
own_all = true
tcp_timeout = "15m"
sync = {interface = "eth0", id = 1}

[[service]]
name = "web"
address = ["198.18.0.100:80", "198.18.0.100:443"]
server = [{address = "198.18.0.99:80", check = []}]

[[service]]
name = "web6"
address = "[2001:db8::100]:80"
check = {kind = "tcp"}
server = [{address = "2001:db8::99"}]
`

// VIPs work and move also where services are wanted of a kernel that has no IPVS. What
// they wait for is said.
func TestServicesWaitForIPVS(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	c := newCluster(t, n)
	for _, node := range c.Nodes {
		text, err := os.ReadFile(node.ConfigFile())
		c.must(err)
		c.must(os.WriteFile(node.ConfigFile(), append(text, balanced...), 0o600))
	}
	c.must(c.StartAll())
	old := c.settled()
	if _, err := os.Stat("/sys/module/ip_vs"); err == nil {
		t.Log("this kernel has IPVS: only the VIPs are looked at")
	} else {
		for _, node := range c.Nodes {
			c.waitsForIPVS(node)
		}
	}
	c.perch(old, "server", "weight", "web", "198.18.0.99:80", "3")
	c.perch(old, "reload")
	c.stillOwnedBy(old)
	c.terminate(old)
	c.movedFrom(old)
}

// waitsForIPVS waits until a node says so of all of its services.
func (c *cluster) waitsForIPVS(n *lab.Node) {
	c.t.Helper()
	const reason = "the kernel has no IPVS"
	c.eventuallySays(n.Name+" says what its services wait for", func() bool {
		status := c.status(n)
		if status.IPVS == nil || status.IPVS.State != api.ServiceWaiting || !strings.Contains(status.IPVS.Reason, reason) {
			return false
		}
		for _, s := range status.Services {
			if s.State != api.ServiceWaiting || !strings.Contains(s.Reason, reason) {
				return false
			}
		}
		return len(status.Services) == 2
	})
	if shown := c.perch(n, "status"); !strings.Contains(shown, reason) {
		c.t.Errorf("perch status does not say what is waited for:\n%s", shown)
	}
}
