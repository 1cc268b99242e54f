package daemon

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// Names of keys in api.Settings.Values.
const (
	keyPreempt       = "cluster.preempt"
	keyPreemptDelay  = "cluster.preempt_delay"
	keyWhenUnhealthy = "cluster.when_unhealthy"
)

// commonSettings returns, beside the heartbeat and the fence, what all nodes of a cluster are to have alike.
func commonSettings(c *config.Config) *api.Settings {
	s := &api.Settings{
		Values: map[string]string{
			keyPreempt:       strconv.FormatBool(c.Cluster.Preempt),
			keyPreemptDelay:  c.Cluster.PreemptDelay.String(),
			keyWhenUnhealthy: c.Cluster.WhenUnhealthy,
		},
		Peers:     map[string]string{},
		VIPs:      len(c.VIPs),
		VIPDigest: digestOf(c.VIPs),
	}
	for _, p := range c.Cluster.Peers {
		s.Peers[p.Name] = fmt.Sprintf("%s, priority %d", p.Address, p.Priority)
		if p.Witness {
			s.Peers[p.Name] += ", witness"
		}
	}
	return s
}

// digestOf stands for the addresses of VIPs, whatever their order.
func digestOf(vips []config.VIP) string {
	addresses := make([]string, len(vips))
	for i, v := range vips {
		addresses[i] = v.Address.String()
	}
	slices.Sort(addresses)
	sum := sha256.Sum256([]byte(strings.Join(addresses, " ")))
	return fmt.Sprintf("%x", sum[:8])
}
