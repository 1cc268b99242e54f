package checker

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// way is how the kernel would reach a neighbor.
type way struct {
	link   *netlink.LinkAttrs
	source netip.Addr // not valid if this node has none
}

// neighborWay asks the kernel for the way to a neighbor. On an interface that n names
// any address may be a neighbor, whatever the routes say.
func (n Network) neighborWay(addr netip.Addr) (way, error) {
	route, err := n.routeTo(addr)
	if err != nil {
		return way{}, err
	}
	if via := addressOf(route.Gw); n.Interface == "" && via.IsValid() && via != addr {
		return way{}, because("%s is no neighbor: the way to it is by %s", addr, via)
	}
	found, err := netlink.LinkByIndex(route.LinkIndex)
	if err != nil {
		return way{}, fmt.Errorf("ask for interface %d: %w", route.LinkIndex, err)
	}
	link := found.Attrs()
	if lack := lackOf(link); lack != "" {
		return way{}, because("interface %s %s", link.Name, lack)
	}
	if link.RawFlags&unix.IFF_NOARP != 0 || len(link.HardwareAddr) != macLength {
		return way{}, because("interface %s has no neighbors: it is no Ethernet", link.Name)
	}
	return way{link, n.sourceOf(route)}, nil
}

// routeTo asks the kernel for its route to an address.
func (n Network) routeTo(addr netip.Addr) (netlink.Route, error) {
	options := &netlink.RouteGetOptions{Oif: n.Interface, Mark: n.Mark, SrcAddr: n.Source.AsSlice()}
	routes, err := netlink.RouteGetWithOptions(addr.AsSlice(), options)
	switch missing := (netlink.LinkNotFoundError{}); {
	case errors.As(err, &missing):
		return netlink.Route{}, because("interface %s does not exist", n.Interface)
	case err != nil && n.Source.IsValid():
		return netlink.Route{}, because("from source %s: %v", n.Source, explain(err))
	case err != nil:
		return netlink.Route{}, explain(err)
	case len(routes) != 1:
		return netlink.Route{}, because("no route to it")
	case routes[0].Type == unix.RTN_LOCAL:
		return netlink.Route{}, because("%s is an address of this node", addr)
	case routes[0].Type == unix.RTN_BROADCAST:
		return netlink.Route{}, because("%s is a broadcast address", addr)
	}
	return routes[0], nil
}

// sourceOf is the address that packets of a route come from.
func (n Network) sourceOf(route netlink.Route) netip.Addr {
	if n.Source.IsValid() {
		return n.Source
	}
	return addressOf(route.Src)
}

func addressOf(ip []byte) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// sockaddr is an address as system calls take it, without a port.
func sockaddr(addr netip.Addr) unix.Sockaddr {
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4()}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), ZoneId: zoneIndex(addr.Zone())}
}

// zoneIndex is the index of the interface that a zone names, 0 if there is none.
func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	link, err := netlink.LinkByName(zone)
	if err != nil {
		return 0
	}
	return uint32(link.Attrs().Index)
}
