//go:build ipvs

package balance

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// web is a real server, an nginx that answers with the name of its host. It can be
// killed, frozen and so on as any lab.Service, and its cable cut or impaired: Host.Eth0.
type web struct{ *lab.Service }

func newWeb(t *testing.T, h *lab.Host, dir string) *web {
	t.Helper()
	must(t, h.Do(func() error { return prepareServer(h) }))
	service, err := lab.NewNginx(h, dir, lab.Manner{})
	must(t, err)
	must(t, service.Start())
	return &web{service}
}

// prepareServer makes a host a real server in all modes. It runs on the host's thread.
func prepareServer(h *lab.Host) error {
	err := errors.Join(
		// The VIPs are not to be answered for.
		set("ipv4/conf/all/arp_ignore", "1"),
		set("ipv4/conf/all/arp_announce", "2"),
		set("ipv4/conf/all/accept_redirects", "0"),
		set("ipv6/conf/eth0/accept_redirects", "0"),
	)
	for _, f := range families {
		err = errors.Join(err,
			addAddress("lo", single(dr.vips[f])),
			openTunnel([...]string{"tunl0", "ip6tnl0"}[f], tunnel.vips[f]),
			addAddress("eth0", insideOf(h, f)),
			routeInside(insideOf(h, f).Masked(), inside[f]),
		)
	}
	return err
}

// openTunnel sets up the interface that each namespace has for packets in packets.
func openTunnel(iface string, vip netip.Addr) error {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(link), addAddress(iface, single(vip)))
}

// routeInside sends what comes from an address inside by the gateway. What comes from
// elsewhere, as answers from a VIP, needs none.
func routeInside(from netip.Prefix, gateway netip.Addr) error {
	const table = 10
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	rule := netlink.NewRule()
	rule.Family = netlink.FAMILY_V4
	if gateway.Is6() {
		rule.Family = netlink.FAMILY_V6
	}
	rule.Src, rule.Table = ipNet(from), table
	neighbors := &netlink.Route{LinkIndex: eth0.Attrs().Index, Table: table, Dst: ipNet(from), Scope: netlink.SCOPE_LINK}
	others := &netlink.Route{LinkIndex: eth0.Attrs().Index, Table: table, Gw: gateway.AsSlice()}
	others.Flags = unix.RTNH_F_ONLINK
	return errors.Join(netlink.RuleAdd(rule), netlink.RouteAdd(neighbors), netlink.RouteAdd(others))
}
