package daemon

import (
	"cmp"
	"fmt"
	"slices"
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
	vips   map[vip.VIP]vip.Status
	paths  map[string]route.Status // by what it is, as text
	strict bool                    // the fence has leases for routers
}

func (r *routers) snapshot() *routerState {
	s := &routerState{
		setup:  r.setup.Load(),
		states: map[string]vrrpnet.Status{},
		vips:   map[vip.VIP]vip.Status{},
		paths:  map[string]route.Status{},
		strict: r.shield.fence.StrictLeases(),
	}
	for _, state := range r.engine.Status() {
		s.states[state.Name] = state
	}
	for _, v := range r.vips.Status() {
		s.vips[v.VIP] = v
	}
	for _, p := range r.paths.Status() {
		s.paths[p.String()] = p
	}
	return s
}

// statusLine is VRRP mode in one line.
func (r *routers) statusLine() string {
	states := r.engine.Status()
	return fmt.Sprintf("master of %d of %d virtual routers", len(mastersOf(states)), len(states))
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
		Reason:            state.Reason,
		AdvertInterval:    r.AdvertInterval.String(),
		SyncGroup:         r.Group,
		Source:            addressText(state.Source),
		Fence:             string(s.fence(kind)),
		Addresses:         s.held(r.VIPs),
		Routes:            s.heldPaths(r.Routes, r.Rules),
		Adverts:           advertsOf(state),
		Heard:             heardOf(state),
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
