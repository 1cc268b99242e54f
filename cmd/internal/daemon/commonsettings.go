package daemon

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
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

// otherSettings says what a node has otherwise than this one. A witness needs to list no VIP.
func otherSettings(c *config.Config, report api.NodeReport) (all []string) {
	ours, theirs := commonSettings(c), report.Settings
	if theirs == nil { // it is of an earlier version
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(ours.Values)) {
		if there, said := theirs.Values[key]; said && there != ours.Values[key] {
			all = append(all, fmt.Sprintf("%s is %s there, and %s here", key, there, ours.Values[key]))
		}
	}
	if theirs.VIPDigest != ours.VIPDigest && theirs.VIPs > 0 && ours.VIPs > 0 {
		mine := map[string]string{}
		for _, v := range c.VIPs {
			mine[v.Address.String()] = ""
		}
		here, there := differences(mine, addressesIn(voice{report: report}))
		all = append(all, fmt.Sprintf("its VIPs are others (only there: %s; only here: %s)", cmp.Or(named(there), "none"), cmp.Or(named(here), "none")))
	}
	names := map[string]bool{}
	for name := range ours.Peers {
		names[name] = true
	}
	for name := range theirs.Peers {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if there, here := theirs.Peers[name], ours.Peers[name]; there != here {
			all = append(all, fmt.Sprintf("its peer %s is %s, and here %s", name, cmp.Or(there, "none"), cmp.Or(here, "none")))
		}
	}
	return all
}
