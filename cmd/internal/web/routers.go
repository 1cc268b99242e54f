package web

import (
	"maps"
	"slices"
	"strconv"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// The names of the metrics of virtual routers.
const (
	vrrpInfo        = "perch_vrrp_info"
	vrrpState       = "perch_vrrp_state"
	vrrpMaster      = "perch_vrrp_master"
	vrrpPriority    = "perch_vrrp_priority"
	vrrpTransitions = "perch_vrrp_transitions_total"
	vrrpSent        = "perch_vrrp_adverts_sent_total"
	vrrpSendErrors  = "perch_vrrp_advert_send_errors_total"
	vrrpReceived    = "perch_vrrp_adverts_received_total"
	vrrpDropped     = "perch_vrrp_adverts_dropped_total"
	vrrpLate        = "perch_vrrp_late_total"
	vrrpUnknown     = "perch_vrrp_unknown_routers"

	vrrpAddressHeld      = "perch_vrrp_address_held"
	vrrpAddressReadded   = "perch_vrrp_address_readded_total"
	vrrpAddressConflict  = "perch_vrrp_address_conflict"
	vrrpAddressConflicts = "perch_vrrp_address_conflicts_total"
)

func routerFamilies() []family {
	return []family{{
		metric{vrrpUnknown, gauge, "Routers heard of late whose VRID this node does not have.", nil},
		func(m *Metrics, s *sink) {
			if len(m.Routers) > 0 {
				s.add(float64(m.Unknown))
			}
		},
	}}
}

func routerMetrics() []column[api.VirtualRouter] {
	labels := []string{"router"}
	return []column[api.VirtualRouter]{
		{
			metric: metric{vrrpInfo, gauge, "What the virtual router is by the config; always 1.", []string{"router", "vrid", "interface", "family"}},
			each:   func(r *api.VirtualRouter, emit emit) { emit(1, strconv.Itoa(r.VRID), r.Interface, r.Family) },
		},
		{
			metric: metric{vrrpState, gauge, "The state that the virtual router is in, as a label; always 1.", []string{"router", "state"}},
			each:   func(r *api.VirtualRouter, emit emit) { emit(1, r.State) },
		},
		{
			metric: metric{vrrpMaster, gauge, "1 if this node is the master of the virtual router.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return one(r.State == api.StateMaster) },
		},
		{
			metric: metric{vrrpPriority, gauge, "The priority that this node has in effect, 0 in a fault.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return uint64(r.EffectivePriority) },
		},
		{
			metric: metric{vrrpTransitions, counter, "Times the virtual router came to another state.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return r.Transitions },
		},
		{
			metric: metric{vrrpSent, counter, "Adverts sent.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return r.Adverts.Sent },
		},
		{
			metric: metric{vrrpSendErrors, counter, "Adverts that could not be sent.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return r.Adverts.Unsent },
		},
		{
			metric: metric{vrrpReceived, counter, "Adverts received for the VRID, also those that were dropped.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return r.Adverts.Received },
		},
		{
			metric: metric{vrrpDropped, counter, "Adverts received and not heeded, by reason.", []string{"router", "reason"}},
			each:   dropped,
		},
		{
			metric: metric{vrrpLate, counter, "Times this node was the master, woke up after its lease, and gave up.", labels},
			value:  func(r *api.VirtualRouter) uint64 { return r.Adverts.Late },
		},
	}
}

// routerAddress is an address of a virtual router.
type routerAddress struct {
	router string
	*api.HeldAddress
}

func addressesOf(routers []api.VirtualRouter) (all []routerAddress) {
	for i := range routers {
		r := &routers[i]
		for j := range r.Addresses {
			all = append(all, routerAddress{r.Name, &r.Addresses[j]})
		}
	}
	return all
}

func addressMetrics() []column[routerAddress] {
	labels := []string{"router", "address", "interface"}
	return []column[routerAddress]{
		{
			metric: metric{vrrpAddressHeld, gauge, "1 if this node's kernel has the address of the virtual router.", labels},
			value:  func(a *routerAddress) uint64 { return one(a.Held) },
		},
		{
			metric: metric{vrrpAddressReadded, counter, "Times the address was put back after somebody else had removed it.", labels},
			value:  func(a *routerAddress) uint64 { return a.Readded },
		},
		{
			metric: metric{vrrpAddressConflict, gauge, "1 while another host claims the address that this node holds.", labels},
			value:  func(a *routerAddress) uint64 { return one(a.Conflict != nil && a.Conflict.Ongoing) },
		},
		{
			metric: metric{vrrpAddressConflicts, counter, "Frames in which another host claimed the address while it was held here.", labels},
			value: func(a *routerAddress) uint64 {
				if a.Conflict == nil {
					return 0
				}
				return a.Conflict.Count
			},
		},
	}
}

func dropped(r *api.VirtualRouter, emit emit) {
	for _, reason := range slices.Sorted(maps.Keys(r.Adverts.Dropped)) {
		emit(r.Adverts.Dropped[reason], reason)
	}
}
