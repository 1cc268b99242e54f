package daemon

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// setup is what VRRP mode does by its config. It does not change.
type setup struct {
	routers []virtualRouter
	static  []vip.VIP
	dress   dress
	routes  []route.Route // static
	rules   []route.Rule  // static
	owners  map[vip.VIP]*virtualRouter
	byName  map[string]*virtualRouter
	groups  []config.SyncGroup
}

func newSetup(cfg *config.Config) *setup {
	s := &setup{
		routers: virtualRoutersOf(cfg),
		routes:  routesOf(cfg.Static.Routes),
		rules:   rulesOf(cfg.Static.Rules),
		owners:  map[vip.VIP]*virtualRouter{},
		byName:  map[string]*virtualRouter{},
		dress:   dress{},
		groups:  cfg.SyncGroups,
	}
	for _, a := range cfg.Static.Addresses {
		v := vip.VIP{Address: a.Prefix, Interface: a.Interface}
		s.static = append(s.static, v)
		s.dress.put(v, a)
	}
	for i := range s.routers {
		r := &s.routers[i]
		s.byName[r.Name] = r
		maps.Copy(s.dress, r.dress)
		for _, v := range r.VIPs {
			s.owners[v] = r
		}
	}
	return s
}

// membersOf returns the names of the routers of a sync group, none if there is no such group.
func (s *setup) membersOf(group string) []string {
	for _, g := range s.groups {
		if g.Name == group {
			return g.Members
		}
	}
	return nil
}

// together returns a router with the others of its sync group.
func (s *setup) together(v *virtualRouter) []*virtualRouter {
	if v.Group == "" {
		return []*virtualRouter{v}
	}
	var list []*virtualRouter
	for _, name := range s.membersOf(v.Group) {
		list = append(list, s.byName[name])
	}
	return list
}

// vips returns all addresses that this node may come to hold.
func (s *setup) vips() []vip.VIP {
	all := slices.Clone(s.static)
	for _, r := range s.routers {
		all = append(all, r.VIPs...)
	}
	return all
}

// beside returns all addresses of a setup, and what another one has besides: but for
// those of which only the prefix length is another.
func (s *setup) beside(other *setup) []vip.VIP {
	type spot struct {
		address netip.Addr
		device  string
	}
	all, has := s.vips(), map[spot]bool{}
	for _, v := range all {
		has[spot{v.Address.Addr(), v.Interface}] = true
	}
	for _, v := range other.vips() {
		if !has[spot{v.Address.Addr(), v.Interface}] {
			all = append(all, v)
		}
	}
	return all
}

// owner returns the router that a VIP belongs to, or nil if it is a static address.
func (s *setup) owner(v vip.VIP) (r *virtualRouter, known bool) {
	if r, known = s.owners[v]; known {
		return r, true
	}
	return nil, slices.Contains(s.static, v)
}

// never is longer than a daemon runs.
const never = 100 * 365 * 24 * time.Hour

// pace is how often a VIP is announced.
func (s *setup) pace(v vip.VIP) vip.Pace {
	r, known := s.owners[v]
	if !known {
		return vip.Pace{}
	}
	pace := vip.Pace{
		Repeat: r.GARPRepeat, Delay: orNone(r.GARPDelay), Refresh: r.GARPRefresh, RefreshRepeat: r.GARPRefreshRepeat, Interval: r.GARPInterval,
		AgainRepeat: orNone(r.GARPLowerRepeat), AgainDelay: orNone(r.GARPLowerDelay),
	}
	if pace.Refresh == 0 {
		pace.Refresh = never
	}
	return pace
}

// orNone returns what a Pace takes for none, which 0 is not there but the default.
func orNone[T int | time.Duration](n T) T {
	if n == 0 {
		return -1
	}
	return n
}

// masters are the names of the routers of which this node is the master.
type masters map[string]bool

func mastersOf(states map[string]vrrpnet.Status) masters {
	m := masters{}
	for name, s := range states {
		if s.State == vrrp.Master {
			m[name] = true
		}
	}
	return m
}

// wanted returns what the kernel is to have: what is static, and what belongs to the
// routers of which this node is the master.
func (s *setup) wanted(m masters) (vips []vip.VIP, routes []route.Route, rules []route.Rule) {
	vips, routes, rules = slices.Clone(s.static), slices.Clone(s.routes), slices.Clone(s.rules)
	for _, r := range s.routers {
		if m[r.Name] {
			vips = append(vips, r.VIPs...)
			routes = append(routes, r.Routes...)
			rules = append(rules, r.Rules...)
		}
	}
	return vips, routes, rules
}

// hasty returns the names of the interfaces whose carrier must not be missed for a second, as
// the kernel may tell of it that late: those of routers of which this node is the master, and
// whose group is to let go with them, or whose backups take over within that time.
func (s *setup) hasty(m masters) []string {
	var names []string
	for i := range s.routers {
		r := &s.routers[i]
		if m[r.Name] && r.isHasty() && !slices.Contains(names, r.Interface) {
			names = append(names, r.Interface)
		}
	}
	return names
}

// isHasty tells whether a backup may take over before this node has found out and waited as it
// is to: that is two intervals after the loss at the earliest, as the last advert may be one old
// by then (RFC 9568 section 6.1).
func (v *virtualRouter) isHasty() bool {
	return v.Group != "" || 2*v.AdvertInterval < time.Second+v.LinkDownDelay
}
