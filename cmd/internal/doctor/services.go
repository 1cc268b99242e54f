package doctor

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// servers returns all real servers of a service, that of last resort among them.
func servers(s *config.Service) []config.RealServer {
	all := slices.Clone(s.Servers)
	if s.SorryServer != nil {
		all = append(all, *s.SorryServer)
	}
	return all
}

// serving returns the names of the services that have a server of which that is true, as
// in "a and b".
func serving(c *config.Config, is func(s *config.Service, server config.RealServer) bool) string {
	return naming(c, func(s *config.Service) bool {
		return slices.ContainsFunc(servers(s), func(server config.RealServer) bool { return is(s, server) })
	})
}

// naming returns the names of the services of which that is true; "" for none.
func naming(c *config.Config, is func(*config.Service) bool) string {
	var names []string
	for i := range c.Services {
		if s := &c.Services[i]; is(s) {
			names = append(names, s.Name)
		}
	}
	return list(names)
}

// atMost is how many names a finding lists.
const atMost = 3

func list(names []string) string {
	switch n := len(names); {
	case n < 2:
		return strings.Join(names, "")
	case n > atMost:
		return strings.Join(names[:atMost], ", ") + " and others"
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// vips returns the interfaces of all addresses that the config may have this host hold.
func vips(c *config.Config) map[netip.Addr]string {
	all := map[netip.Addr]string{}
	for _, v := range slices.Concat(c.VIPs, c.AnycastVIPs()) {
		all[v.Address.Addr()] = v.Interface
	}
	for i := range c.VRRP {
		r := &c.VRRP[i]
		for _, a := range slices.Concat(r.Addresses, r.ExcludedAddresses) {
			all[a.Addr()] = r.Interface
		}
	}
	for _, v := range c.Static.Addresses {
		all[v.Address.Addr()] = v.Interface
	}
	return all
}
