package bgp

import (
	"fmt"
	"net/netip"
)

// step is one `network` statement that is to come or to go.
type step struct {
	network  netip.Prefix
	withdraw bool
	standing standing
}

// plan returns the steps from a running configuration to what is wanted. Of the networks
// that are not wanted only ours go. One that has a route-map of the operator's keeps it.
func plan(want networks, ours set, r running) []step {
	var steps []step
	for _, p := range want.sorted() {
		name, there := r.networks[p]
		is := standingOf(name)
		if there && (name != "" && name != routeMap || is == want[p]) {
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

func standingOf(name string) standing {
	if name == routeMap {
		return settled
	}
	return fresh
}

// announced returns those of our networks that are in a running configuration.
func announced(ours set, r running) []netip.Prefix {
	var list []netip.Prefix
	for _, p := range inOrder(r.networks) {
		if ours.has(p) {
			list = append(list, p)
		}
	}
	return list
}

// after returns a running configuration once the steps are done.
func (r running) after(steps []step) running {
	next := running{instance: r.instance, networks: map[netip.Prefix]string{}, unchecked: r.unchecked, routeMap: r.routeMap}
	for p, name := range r.networks {
		next.networks[p] = name
	}
	for _, s := range steps {
		switch {
		case s.withdraw:
			delete(next.networks, s.network)
		case s.standing == settled:
			next.networks[s.network], next.routeMap = routeMap, true
		default:
			next.networks[s.network] = ""
		}
	}
	return next
}

// commands are what bgpd is told to have the steps done.
func commands(asn uint32, r running, steps []step) []string {
	if len(steps) == 0 {
		return nil
	}
	lines := []string{"configure terminal"}
	if !r.routeMap && settles(steps) {
		lines = append(lines, "route-map "+routeMap+" permit 10", "set origin incomplete", "exit")
	}
	lines = append(lines, fmt.Sprintf("router bgp %d", asn))
	lines = append(lines, family("ipv4", steps, netip.Addr.Is4)...)
	lines = append(lines, family("ipv6", steps, netip.Addr.Is6)...)
	return append(lines, "end")
}

func settles(steps []step) bool {
	for _, s := range steps {
		if !s.withdraw && s.standing == settled {
			return true
		}
	}
	return false
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
	return append(append([]string{"address-family " + name + " unicast"}, lines...), "exit-address-family")
}

// String is the step as bgpd is told it.
func (s step) String() string {
	switch {
	case s.withdraw:
		return "no network " + s.network.String()
	case s.standing == settled:
		return "network " + s.network.String() + " route-map " + routeMap
	default:
		return "network " + s.network.String()
	}
}
