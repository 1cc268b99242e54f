package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AddOnLink makes this host believe that all addresses of a prefix are neighbours on its
// eth0.
func (h *Host) AddOnLink(prefix netip.Prefix) error {
	return h.addRoute(prefix, netip.Addr{})
}

// AddRoute gives this host a route to a prefix by way of a neighbour.
func (h *Host) AddRoute(prefix netip.Prefix, via netip.Addr) error { return h.addRoute(prefix, via) }

func (h *Host) addRoute(prefix netip.Prefix, via netip.Addr) error {
	err := h.ns.use(func(nl *netlink.Handle) error {
		eth0, err := nl.LinkByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		return nl.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: ipNet(prefix), Gw: via.AsSlice()})
	})
	if err != nil {
		return fmt.Errorf("add a route to %s to %s: %w", prefix, h.Name, err)
	}
	return nil
}

// HasRange reports whether all addresses of a prefix are the host's own, by one route.
func (h *Host) HasRange(prefix netip.Prefix) (bool, error) {
	routes, err := h.localRoutes(prefix)
	return len(routes) > 0, err
}

// routesToItself reports whether the host's kernel takes an address for the host's own,
// be it by one of an interface or as one of a range.
func (h *Host) routesToItself(addr netip.Addr) (own bool, err error) {
	err = h.ns.use(func(nl *netlink.Handle) error {
		routes, err := nl.RouteGet(addr.AsSlice())
		if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
			return nil
		}
		own = err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look up the route to %s on %s: %w", addr, h.Name, err)
	}
	return own, nil
}

// RemoveRange takes the route to a range away by hand.
func (h *Host) RemoveRange(prefix netip.Prefix) error {
	routes, err := h.localRoutes(prefix)
	if err == nil && len(routes) != 1 {
		err = fmt.Errorf("there are %d", len(routes))
	}
	if err == nil {
		err = h.ns.use(func(nl *netlink.Handle) error { return nl.RouteDel(&routes[0]) })
	}
	if err != nil {
		return fmt.Errorf("remove the local route to %s from %s: %w", prefix, h.Name, err)
	}
	return nil
}

func (h *Host) localRoutes(prefix netip.Prefix) (routes []netlink.Route, err error) {
	like := &netlink.Route{Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, Dst: ipNet(prefix)}
	for range 100 {
		err = h.ns.use(func(nl *netlink.Handle) (err error) {
			routes, err = nl.RouteListFiltered(familyOf(prefix.Addr()), like,
				netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE|netlink.RT_FILTER_DST)
			return err
		})
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list the local routes of %s: %w", h.Name, err)
	}
	return slices.DeleteFunc(routes, func(r netlink.Route) bool { return r.Dst == nil }), nil
}
