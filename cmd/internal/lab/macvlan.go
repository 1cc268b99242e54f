package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AddMacvlan gives the host an interface on top of eth0 with a MAC address of its own
// and a random link-local address, as vrrpd of FRR wants one for each virtual router.
// Addresses of it are answered for by no other interface.
func (h *Host) AddMacvlan(name string, mac MAC, prefixes ...netip.Prefix) error {
	err := h.ns.use(func(nl *netlink.Handle) error {
		eth0, err := nl.LinkByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		device := &netlink.Macvlan{Mode: netlink.MACVLAN_MODE_BRIDGE}
		device.Name, device.ParentIndex, device.HardwareAddr = name, eth0.Attrs().Index, net.HardwareAddr(mac[:])
		if err := nl.LinkAdd(device); err != nil {
			return err
		}
		if err := h.Do(func() error { return configureMacvlan(name) }); err != nil {
			return err
		}
		for _, p := range prefixes {
			addr := &netlink.Addr{IPNet: ipNet(p)}
			if p.Addr().Is6() {
				addr.Flags = unix.IFA_F_NODAD
			}
			if err := nl.AddrAdd(device, addr); err != nil {
				return err
			}
		}
		return nl.LinkSetUp(device)
	})
	if err != nil {
		return fmt.Errorf("add %s to %s: %w", name, h.Name, err)
	}
	return nil
}

func configureMacvlan(name string) error {
	const random = "3" // IN6_ADDR_GEN_MODE_RANDOM
	return errors.Join(
		setSysctl("ipv6/conf/"+name+"/addr_gen_mode", random),
		setSysctl("ipv6/conf/"+name+"/accept_dad", "0"),
		setSysctl("ipv4/conf/all/arp_ignore", "1"),
	)
}

// setSysctl sets a key of net in the namespace of the thread.
func setSysctl(key, value string) error {
	return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0)
}
