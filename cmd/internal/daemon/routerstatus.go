package daemon

import (
	"cmp"
	"fmt"
	"net/netip"
	"sort"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vip/route"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// routerState is what VRRP mode knows at one moment.
type routerState struct {
	setup  *setup
	states map[string]vrrpnet.Status
	heard  map[string]vrrpnet.Heard
	others []vrrp.Stranger // of VRIDs that are none of ours
	vips   map[vip.VIP]vip.Status
	routes map[route.Route]route.RouteStatus
	rules  map[route.Rule]route.RuleStatus
	now    time.Duration // of vrrpnet.Clock
	wall   time.Time     // likewise
	strict bool          // the fence has leases for routers

	trouble map[string]string // why devices could not be made
	accepts *error            // why packets are taken that are not to be; nil if none are
}

func (r *routers) snapshot() *routerState {
	s := &routerState{
		setup:  r.setup.Load(),
		states: map[string]vrrpnet.Status{},
		heard:  r.engine.Heard(),
		others: r.engine.Unknown(),
		now:    vrrpnet.Clock(),
		wall:   time.Now(),
		vips:   map[vip.VIP]vip.Status{},
		routes: map[route.Route]route.RouteStatus{},
		rules:  map[route.Rule]route.RuleStatus{},
		strict: r.strict,

		trouble: r.devices.troubles(),
		accepts: r.acceptance.trouble.Load(),
	}
	for _, state := range r.engine.Status() {
		s.states[state.Name] = state
	}
	for _, v := range r.vips.Status() {
		s.vips[v.VIP] = v
	}
	paths := r.paths.Status()
	for _, p := range paths.Routes {
		s.routes[p.Route] = p
	}
	for _, p := range paths.Rules {
		s.rules[p.Rule] = p
	}
	return s
}

// statusLine is VRRP mode in one line.
func (r *routers) statusLine() string {
	states := r.engine.Status()
	masters := 0
	for _, s := range states {
		if s.State == vrrp.Master {
			masters++
		}
	}
	return fmt.Sprintf("master of %d of %d virtual routers", masters, len(states))
}

// virtualRouters returns the status of each.
func (s *routerState) virtualRouters(kind fence.Kind) []api.VirtualRouter {
	if s == nil {
		return nil
	}
	var list []api.VirtualRouter
	for i := range s.setup.routers {
		list = append(list, s.virtualRouter(&s.setup.routers[i], kind))
	}
	return list
}

func (s *routerState) virtualRouter(r *virtualRouter, kind fence.Kind) api.VirtualRouter {
	state := s.states[r.Name]
	out := api.VirtualRouter{
		Name:              r.Name,
		VRID:              r.VRID,
		Interface:         r.Interface,
		Version:           r.Version,
		Family:            "ipv4",
		State:             state.State.String(),
		Priority:          r.Priority,
		EffectivePriority: int(state.Priority),
		Master:            addressText(state.Master),
		Since:             state.Since,
		Transitions:       state.Transitions,
		Reason:            state.Reason,
		AdvertInterval:    r.AdvertInterval.String(),
		SyncGroup:         r.Group,
		Source:            addressText(state.Source),
		Fence:             string(s.fence(kind)),
		Addresses:         s.held(r.VIPs),
		Routes:            s.heldPaths(r.Routes, r.Rules),
		Adverts:           advertsOf(state, s.heard[r.Name]),
		Heard:             heardOf(s.heard[r.Name], r.wire(), s.now, s.wall),
	}
	if trouble := s.trouble[r.Device]; trouble != "" && state.State == vrrp.Fault {
		out.Reason = trouble
	}
	if r.IPv6() {
		out.Family = "ipv6"
	} else if r.Version == 3 {
		out.Checksum = state.Form.String()
	}
	return out
}

// fence is what ends a router's addresses when its lease does.
func (s *routerState) fence(kind fence.Kind) fence.Kind {
	if kind == fence.NFTables && !s.strict {
		return fence.Lifetime
	}
	return kind
}

func (s *routerState) held(vips []vip.VIP) []api.HeldAddress {
	var list []api.HeldAddress
	for _, v := range vips {
		is := s.vips[v]
		list = append(list, api.HeldAddress{
			Address:   v.Address.String(),
			Interface: v.Interface,
			Held:      is.Held,
			Reason:    is.Reason,
			Conflict:  conflictOf(is.Conflict),
			Readded:   is.Readded,
		})
	}
	return list
}

func (s *routerState) heldPaths(routes []route.Route, rules []route.Rule) []api.HeldRoute {
	var list []api.HeldRoute
	for _, r := range routes {
		is := s.routes[r]
		list = append(list, api.HeldRoute{Route: r.String(), Held: is.There, Reason: is.Reason})
	}
	for _, r := range rules {
		is := s.rules[r]
		list = append(list, api.HeldRoute{Route: "rule " + r.String(), Held: is.There, Reason: is.Reason})
	}
	return list
}

func advertsOf(state vrrpnet.Status, heard vrrpnet.Heard) api.Adverts {
	out := api.Adverts{Sent: state.Sent, Unsent: state.SendErrors, Late: state.Late, Dropped: refusedOf(&heard.Refused)}
	for _, n := range out.Dropped {
		out.Received += n
	}
	out.Received += heard.Refused.Of(0)
	return out
}

// refusedOf returns the reasons for which something was refused.
func refusedOf(counts *vrrp.Counts) map[string]uint64 {
	refused := map[string]uint64{}
	for _, drop := range vrrp.Drops() {
		if n := counts.Of(drop); n > 0 {
			refused[drop.String()] = n
		}
	}
	return refused
}

// heardOf returns the other routers of a VRID, the latest first. Now is a reading of
// the clock of its times, and of that of the day.
func heardOf(heard vrrpnet.Heard, wire vrrp.WireConfig, now time.Duration, wall time.Time) []api.HeardFrom {
	sort.Slice(heard.Senders, func(i, j int) bool { return heard.Senders[i].Last > heard.Senders[j].Last })
	var list []api.HeardFrom
	for _, s := range heard.Senders {
		from := api.HeardFrom{
			Address:        s.Address.String(),
			Version:        int(s.Version),
			Priority:       int(s.Priority),
			AdvertInterval: s.Interval.String(),
			Last:           wall.Add(s.Last - now).Round(time.Millisecond),
			Accepted:       s.Heeded,
			Dropped:        refusedOf(&s.Refused),
			Advice:         s.Explain(wire),
		}
		if s.Heeded > 0 && s.Version == vrrp.V3 && s.Address.Is4() {
			from.Checksum = s.Form.String()
		}
		list = append(list, from)
	}
	return list
}

// unknown returns the routers that are heard of VRIDs that this node does not have.
func (s *routerState) unknown() []api.UnknownRouter {
	if s == nil {
		return nil
	}
	var list []api.UnknownRouter
	for _, o := range s.others {
		list = append(list, api.UnknownRouter{
			Interface:      o.Interface,
			VRID:           int(o.VRID),
			Address:        o.Address.String(),
			Version:        int(o.Version),
			Priority:       int(o.Priority),
			AdvertInterval: o.Interval.String(),
			Last:           s.wall.Add(o.Last - s.now).Round(time.Millisecond),
		})
	}
	return list
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// staticOf returns what is static, nil if nothing is.
func (s *routerState) staticOf() *api.Static {
	if s == nil || len(s.setup.static)+len(s.setup.routes)+len(s.setup.rules) == 0 {
		return nil
	}
	return &api.Static{Addresses: s.held(s.setup.static), Routes: s.heldPaths(s.setup.routes, s.setup.rules)}
}

// routerAlarms returns warnings about virtual routers, worst first.
func (s snapshot) routerAlarms(list []api.VirtualRouter) []string {
	if s.routers == nil {
		return nil
	}
	var alarms []string
	for _, r := range list {
		if r.State == api.StateFault {
			alarms = append(alarms, fmt.Sprintf("virtual router %s cannot serve: %s", r.Name, r.Reason))
		}
		for _, a := range r.Addresses {
			switch {
			case r.State == api.StateMaster && !a.Held:
				alarms = append(alarms, fmt.Sprintf("address %s of virtual router %s is not held: %s", a.Address, r.Name, cmp.Or(a.Reason, "it is about to be taken")))
			case a.Conflict != nil && a.Conflict.Ongoing:
				alarms = append(alarms, fmt.Sprintf("address %s of virtual router %s is claimed by another host, too, with MAC %s", a.Address, r.Name, a.Conflict.MAC))
			}
		}
	}
	if err := s.routers.accepts; err != nil {
		alarms = append(alarms, fmt.Sprintf("virtual routers with accept = false take packets all the same: %v", *err))
	}
	if s.unfenced != nil {
		alarms = append(alarms, "virtual routers are not fenced: "+s.unfenced.Error())
	} else if !s.routers.strict && len(s.routers.setup.routers) > 0 {
		alarms = append(alarms, fmt.Sprintf("fence %s does not end with the adverts of a virtual router, which takes bpf: addresses of a dead or frozen master answer for up to 3.1 s", s.fence))
	}
	return alarms
}
