package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// twin is keepalived on a host like that of a station, in a network of its own.
type twin struct {
	*site
	*lab.Daemon
	host *lab.Host
}

// newTwin returns a keepalived that is not started, with the text of its keepalived.conf.
func newTwin(t *testing.T, config string) *twin {
	t.Helper()
	lab.NeedPeers(t)
	s := newSite(t)
	host := s.net.addHost(t, "keepalived")
	d, err := lab.NewKeepalived(host, filepath.Join(s.net.tempDir(t), "keepalived"), config)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of keepalived:\n%s", d.LogTail(40))
		}
	})
	return &twin{s, d, host}
}

// second gives a host an eth1 on the same network.
func (s *site) second(h *lab.Host) {
	s.t.Helper()
	_, err := h.Join(s.net.sw)
	must(s.t, err)
}

// described is what a host has of some addresses, as `ip address` says it.
func described(t *testing.T, h *lab.Host, addresses ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, h.Do(func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, link := range links {
			list, err := netlink.AddrList(link, netlink.FAMILY_ALL)
			if err != nil {
				return err
			}
			for _, a := range list {
				all[a.IPNet.String()] = fmt.Sprintf("%s label %q scope %d broadcast %v", link.Attrs().Name, a.Label, a.Scope, a.Broadcast)
			}
		}
		return nil
	}))
	some := map[string]string{}
	for _, text := range addresses {
		some[text] = all[netip.MustParsePrefix(text).String()]
	}
	return some
}

// perch and keepalived put an address on its interface in the same way.
func TestAddressesAsKeepalivedHasThem(t *testing.T) {
	t.Parallel()
	addresses := []string{
		"198.18.0.101/24", "198.18.0.102/32", "198.19.1.101/24", "198.19.2.101/24", "198.19.3.101/32", "198.19.4.101/24", "2001:db8:1::101/64",
	}
	k := newTwin(t, `
vrrp_instance gw {
    interface eth0
    virtual_router_id 51
    advert_int 1
    virtual_ipaddress {
        198.18.0.101/24
        198.18.0.102
        198.19.1.101/24 dev eth1 label eth1:9
        198.19.2.101/24 dev eth1 scope link
    }
    virtual_ipaddress_excluded {
        198.19.3.101 dev lo scope host
        198.19.4.101/24 brd 198.19.4.255
        2001:db8:1::101/64 dev eth1
    }
}
`)
	k.second(k.host)
	must(t, k.Start())
	s := newSite(t, "lb1")
	n := s.nodes[0]
	s.second(n.Host)
	n.write(router("gw", 51, 100, "", `addresses = [
    "198.18.0.101/24",
    "198.18.0.102/32",
    {address = "198.19.1.101/24", interface = "eth1", label = "eth1:9"},
    {address = "198.19.2.101/24", interface = "eth1", scope = "link"},
]
excluded_addresses = [
    {address = "198.19.3.101/32", interface = "lo", scope = "host"},
    {address = "198.19.4.101/24", broadcast = "198.19.4.255"},
    {address = "2001:db8:1::101/64", interface = "eth1"},
]`))
	s.start(n)
	for _, prefix := range addresses {
		addr := netip.MustParsePrefix(prefix).Addr()
		s.eventually("perch has "+prefix, func() bool { return n.has(addr.String()) })
		k.eventually("keepalived has "+prefix, func() bool {
			has, err := k.host.Has(addr)
			must(t, err)
			return has
		})
	}
	if diff := cmp.Diff(described(t, k.host, addresses...), described(t, n.Host, addresses...)); diff != "" {
		t.Errorf("addresses (-keepalived +perch):\n%s", diff)
	}
	t.Logf("%v", described(t, n.Host, addresses...))
}
