package doctor

import (
	"maps"
	"slices"

	"github.com/perch-vip/perch/cmd/internal/config"
)

// interfaces finds those that the config names and that are not there.
func interfaces(c *config.Config, f Facts) (all []Finding) {
	users := map[string]string{}
	for vip, name := range vips(c) {
		if users[name] == "" || vip.String() < users[name] {
			users[name] = vip.String()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		if _, ok := f.find(name); !ok {
			all = append(all, Finding{Error, name, "is not there: it is to carry " + users[name], "ip -brief link"})
		}
	}
	return slices.Concat(all, configured(c, f), syncInterface(c, f))
}

// configured finds VIPs of the cluster that this host has whoever owns them, since something
// else than perch gave it them.
func configured(c *config.Config, f Facts) (all []Finding) {
	for _, v := range c.VIPs {
		address := v.Address.Addr()
		if i, _ := f.find(v.Interface); slices.Contains(i.Lasting, address) {
			all = append(all, Finding{
				Warning, address.String(), "is on " + v.Interface + " without perch, and for good: perch removes it when it starts, " +
					"and what configures the interface is not to bring it back",
				"ip address del " + v.Address.String() + " dev " + v.Interface,
			})
		}
	}
	return all
}

// syncInterface is about that of the daemons that tell other directors of connections,
// which is all that those need.
func syncInterface(c *config.Config, f Facts) []Finding {
	if c.IPVS.Sync == nil || len(c.Services) == 0 {
		return nil
	}
	name := c.IPVS.Sync.Interface
	i, ok := f.find(name)
	what := Finding{Severity: Error, Subject: name}
	switch {
	case !ok:
		what.Text, what.Command = "is not there: connections are to be told to other directors by it", "ip -brief link"
	case !i.Up:
		what.Text, what.Command = "is down: connections are to be told to other directors by it", "ip link set "+name+" up"
	case !i.Multicast:
		what.Text, what.Command = "takes no multicast: connections are to be told to other directors by it", "ip link set "+name+" multicast on"
	default:
		return nil
	}
	return []Finding{what}
}
