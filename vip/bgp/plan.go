package bgp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// step is one `network` statement that is to come or to go.
type step struct {
	network  netip.Prefix
	withdraw bool
	standing standing
}

// plan returns the steps from a running configuration to what is wanted. Of the networks
// that are not wanted only ours go. One that has a route-map of the operator's keeps it; one
// whose route-map is not there, which bgpd announces no more, is told anew.
func plan(want networks, ours set, r running) []step {
	var steps []step
	for _, p := range want.sorted() {
		name, there := r.networks[p]
		is := standingOf(name)
		if there && (name != is.routeMap() || is == want[p] && r.defines(is)) {
			continue
		}
		steps = append(steps, step{network: p, standing: want[p]})
	}
	for _, p := range inOrder(r.networks) {
		if _, wanted := want[p]; !wanted && ours.has(p) {
			steps = append(steps, step{network: p, withdraw: true})
		}
	}
	return steps
}

// announced returns those of our networks that are in a running configuration.
func announced(ours set, r running) []netip.Prefix {
	list := []netip.Prefix{}
	for _, p := range inOrder(r.networks) {
		if ours.has(p) {
			list = append(list, p)
		}
	}
	return list
}

// after returns a running configuration once the standings are defined and the steps done.
func (r running) after(standings []standing, steps []step) running {
	next := r
	next.networks, next.routeMaps = maps.Clone(r.networks), maps.Clone(r.routeMaps)
	for _, s := range standings {
		next.routeMaps[s] = true
	}
	for _, s := range steps {
		if s.withdraw {
			delete(next.networks, s.network)
			continue
		}
		next.networks[s.network] = s.standing.routeMap()
	}
	return next
}

// commands are what bgpd is told to have the steps done. A mode is left by the next one's
// command: each is a round trip, and an announcement waits for them.
// Route-maps of all standings are defined before they are used.
func commands(asn uint32, r running, standings []standing, steps []step) []string {
	var lines []string
	for _, s := range standings {
		if !r.defines(s) {
			lines = append(lines, r.routeMap(asn, s)...)
		}
	}
	if len(steps) > 0 {
		lines = append(lines, fmt.Sprintf("router bgp %d", asn))
		lines = append(lines, family("ipv4", steps, netip.Addr.Is4)...)
		lines = append(lines, family("ipv6", steps, netip.Addr.Is6)...)
	}
	if len(lines) == 0 {
		return nil
	}
	return append(append([]string{"configure terminal"}, lines...), "end")
}

// hasty are the same commands for a configuration that may be another by now. bgpd refuses
// an instance without a number if there is none, and then one of a number that is not that
// of the one it has: so none is begun that has gone, and none of another AS is touched.
func hasty(commands []string) []string {
	i := slices.IndexFunc(commands, func(line string) bool { return strings.HasPrefix(line, "router bgp ") })
	if i < 0 {
		return commands
	}
	return slices.Insert(commands, i, "router bgp")
}

// family returns the commands of the steps of one address family.
func family(name string, steps []step, is func(netip.Addr) bool) []string {
	var lines []string
	for _, s := range steps {
		if is(s.network.Addr()) {
			lines = append(lines, s.String())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{"address-family " + name + " unicast"}, lines...)
}

// String is the step as bgpd is told it.
func (s step) String() string {
	switch {
	case s.withdraw:
		return "no network " + s.network.String()
	case s.standing == alike:
		return "network " + s.network.String()
	default:
		return "network " + s.network.String() + " route-map " + s.standing.routeMap()
	}
}
