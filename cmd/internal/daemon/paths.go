package daemon

import (
	"net/netip"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip/route"
)

// defaultPref is the preference of rules without one: before the main table, which is
// 32766, and after those that people number by hand.
const defaultPref = 32000

var scopes = map[string]route.Scope{
	"": route.ScopeDefault, "global": route.ScopeGlobal, "link": route.ScopeLink, "host": route.ScopeHost,
}

func routesOf(list []config.Route) []route.Route {
	var routes []route.Route
	for _, r := range list {
		routes = append(routes, route.Route{
			Destination: r.Destination,
			Via:         r.Via,
			Device:      r.Dev,
			Source:      r.Source,
			Table:       int(r.Table),
			Metric:      int(r.Metric),
			Scope:       scopes[r.Scope],
			OnLink:      r.OnLink,
			Blackhole:   r.Blackhole,
		})
	}
	return routes
}

func rulesOf(list []config.Rule) []route.Rule {
	var rules []route.Rule
	for _, r := range list {
		rule := route.Rule{
			From: r.From, To: r.To,
			In: r.IIF, Out: r.OIF,
			Mark:       r.FWMark,
			Mask:       r.FWMask,
			Table:      int(r.Table),
			Preference: int(r.Pref),
		}
		if rule.Preference == 0 {
			rule.Preference = defaultPref
		}
		if r.IPv6 && !r.From.IsValid() && !r.To.IsValid() {
			rule.From = netip.PrefixFrom(netip.IPv6Unspecified(), 0) // says the family
		}
		rules = append(rules, rule)
	}
	return rules
}
