package doctor

import (
	"net/netip"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

// needs returns the sysctls that the services of a config need on this host, set already
// or not.
func needs(c *config.Config, f Facts) []need {
	var all []need
	for _, rule := range []func(*config.Config, Facts) (need, bool){
		forward4, forward6, redirects, removed, drained, arp, backupOnly,
	} {
		if n, ok := rule(c, f); ok {
			all = append(all, n)
		}
	}
	return all
}

// natServer returns whether a server gets packets by nat that another host has to answer
// by way of this one.
func natServer(f Facts, server config.RealServer) bool {
	return server.Forward == "nat" && !f.own(server.Address.Addr())
}

// forward4 lets the answers of nat servers through, which this host routes.
func forward4(c *config.Config, f Facts) (need, bool) {
	names := serving(c, func(_ *config.Service, server config.RealServer) bool {
		return natServer(f, server) && server.Address.Addr().Is4()
	})
	return need{
		Error,
		[]sysctl.Setting{{Name: "net/ipv4/ip_forward", Value: 1}},
		"the answers of the nat servers of " + names + " are not passed on to the clients",
	}, names != ""
}

// forward6 is the same for IPv6, where a host that forwards minds router advertisements
// only if it is told to.
func forward6(c *config.Config, f Facts) (need, bool) {
	names := serving(c, func(_ *config.Service, server config.RealServer) bool {
		return natServer(f, server) && server.Address.Addr().Is6()
	})
	n := need{Error, nil, "the answers of the nat servers of " + names + " are not passed on to the clients"}
	for _, i := range f.Interfaces {
		name := "net/ipv6/conf/" + i.Name + "/accept_ra"
		// With 2 it may be what this need has set already.
		if i.Advertised || f.Sysctls[name] == 2 {
			n.settings = append(n.settings, sysctl.Setting{Name: name, Value: 2})
		}
	}
	n.settings = append(n.settings, sysctl.Setting{Name: "net/ipv6/conf/all/forwarding", Value: 1})
	return n, names != ""
}

// redirects stops this host from telling nat servers of a shorter way to the clients,
// where it is to one of the same network as they, by which answers would go with the
// server's own address.
func redirects(c *config.Config, f Facts) (need, bool) {
	held := vips(c)
	var arms []string
	names := serving(c, func(s *config.Service, server config.RealServer) bool {
		arm := oneArm(f, held, s, server)
		if arm != "" && !slices.Contains(arms, arm) {
			arms = append(arms, arm)
		}
		return arm != ""
	})
	n := need{
		severity: Warning,
		why:      "nat servers of " + names + " are told of a shorter way to the clients, which drop the answers that come by it",
	}
	for _, arm := range append([]string{"all"}, arms...) {
		n.settings = append(n.settings, sysctl.Setting{Name: "net/ipv4/conf/" + arm + "/send_redirects", Value: 0})
	}
	return n, names != ""
}

// oneArm returns the interface by which both the clients of a service come and a nat
// server is reached; "" if those are two.
func oneArm(f Facts, held map[netip.Addr]string, s *config.Service, server config.RealServer) string {
	to := server.Address.Addr()
	if !natServer(f, server) || !to.Is4() {
		return ""
	}
	for _, i := range f.Interfaces {
		if i.Loopback || !i.reaches(to) {
			continue
		}
		for _, vip := range s.Addresses {
			if held[vip.Addr()] == i.Name || i.reaches(vip.Addr()) {
				return i.Name
			}
		}
	}
	return ""
}

// removed ends connections to a server that is there no more. Those to one of weight 0 go
// on, so that no drain is cut short.
func removed(c *config.Config, _ Facts) (need, bool) {
	return need{
		Hint,
		[]sysctl.Setting{{Name: "net/ipv4/vs/expire_nodest_conn", Value: 1}},
		"connections to a server that was removed hang until the client gives up, and are not reset",
	}, len(c.Services) > 0
}

// drained has clients that persistence binds to a server of weight 0 go to another with
// their next connection. Those that they have go on.
func drained(c *config.Config, _ Facts) (need, bool) {
	names := naming(c, func(s *config.Service) bool { return s.Persistence > 0 })
	n := need{
		Hint,
		[]sysctl.Setting{{Name: "net/ipv4/vs/expire_quiescent_template", Value: 1}},
		"clients of " + names + " go on coming to a server that is drained, as they persist",
	}
	failed := serving(c, func(s *config.Service, server config.RealServer) bool {
		return s.Persistence > 0 && server.InhibitOnFailure
	})
	if failed != "" {
		n.severity, n.why = Warning, "clients of "+failed+" persist with a server that has failed, as inhibit_on_failure keeps it"
	}
	return n, names != ""
}
