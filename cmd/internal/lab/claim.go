package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AddAddress gives eth0 an address by hand, as an operator or another daemon would.
// An IPv6 one skips duplicate address detection, which would give it up.
func (h *Host) AddAddress(prefix netip.Prefix) error {
	addr := &netlink.Addr{IPNet: ipNet(prefix)}
	if prefix.Addr().Is6() {
		addr.Flags = unix.IFA_F_NODAD
	}
	err := h.ns.use(func(nl *netlink.Handle) error {
		eth0, err := nl.LinkByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		return nl.AddrAdd(eth0, addr)
	})
	if err != nil {
		return fmt.Errorf("add %s to %s: %w", prefix, h.Name, err)
	}
	return nil
}

// Claim tells the whole segment of eth0 that addr is at this host, once, whether or
// not it is.
func (h *Host) Claim(addr netip.Addr) error {
	claim := h.claimNDP
	if addr.Is4() {
		claim = h.claimARP
	}
	if err := claim(addr); err != nil {
		return fmt.Errorf("claim %s for %s: %w", addr, h.Name, err)
	}
	return nil
}

func (h *Host) claimARP(addr netip.Addr) (err error) {
	var client *arp.Client
	err = h.withEth0(func(ifi *net.Interface) (err error) {
		client, err = arp.Dial(ifi)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	packet, err := arp.NewPacket(arp.OperationReply, h.Eth0.MAC, addr, h.Eth0.MAC, addr)
	if err != nil {
		return err
	}
	return client.WriteTo(packet, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
}

func (h *Host) claimNDP(addr netip.Addr) (err error) {
	var conn *ndp.Conn
	err = h.withEth0(func(ifi *net.Interface) (err error) {
		ifi.Name = strconv.Itoa(ifi.Index) // as in askNDP
		conn, _, err = ndp.Listen(ifi, ndp.Addr(h.Eth0.IPv6.Addr().String()))
		return err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.WriteTo(&ndp.NeighborAdvertisement{
		Override:      true,
		TargetAddress: addr,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: h.Eth0.MAC}},
	}, nil, netip.IPv6LinkLocalAllNodes())
}
