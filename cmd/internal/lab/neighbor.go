package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Neighbor returns the host whose MAC address this host believes to be that of
// addr, or nil when its neighbour cache has no MAC for it or an unknown one.
func (h *Host) Neighbor(addr netip.Addr) (*Host, error) {
	var entries []netlink.Neigh
	err := h.ns.use(func(nl *netlink.Handle) (err error) {
		entries, err = nl.NeighList(0, familyOf(addr))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the neighbours of %s: %w", h.Name, err)
	}
	for _, e := range entries {
		ip, ok := netip.AddrFromSlice(e.IP)
		if ok && ip.Unmap() == addr && hasMAC(e) {
			return h.lab.hostByMAC(e.HardwareAddr), nil
		}
	}
	return nil, nil
}

func hasMAC(e netlink.Neigh) bool {
	const resolved = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE | unix.NUD_PERMANENT
	return e.State&resolved != 0
}

func familyOf(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Pin makes this host believe for good that addr is at another's eth0.
func (h *Host) Pin(addr netip.Addr, at *Host) error {
	err := h.ns.use(func(nl *netlink.Handle) error {
		eth0, err := nl.LinkByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		return nl.NeighSet(&netlink.Neigh{
			LinkIndex:    eth0.Attrs().Index,
			State:        unix.NUD_PERMANENT,
			IP:           addr.AsSlice(),
			HardwareAddr: at.Eth0.MAC,
		})
	})
	if err != nil {
		return fmt.Errorf("pin %s on %s: %w", addr, h.Name, err)
	}
	return nil
}
