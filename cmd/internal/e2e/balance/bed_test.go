//go:build ipvs

package balance

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// bed is what the tests are made in.
type bed struct {
	*lab.Lab
	t         *testing.T
	client    *lab.Host
	directors [2]*director
	webs      [3]*web
	witness   *lab.Host
	fence     string // of nodes of a cluster
}

// newBed returns a bed whose servers run. Nobody holds a VIP.
func newBed(t *testing.T) *bed {
	t.Helper()
	l, err := lab.New()
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	b := &bed{Lab: l, t: t, fence: "bpf"}
	sw, err := l.AddSwitch()
	must(t, err)
	var hosts []*lab.Host
	for _, name := range []string{"client", "lb1", "lb2", "web1", "web2", "web3", "witness"} {
		h, err := l.AddHost(name, sw)
		must(t, err)
		must(t, h.Do(func() error { return addAddress("eth0", linkLocalOf(h)) }))
		hosts = append(hosts, h)
	}
	b.client, b.witness = hosts[0], hosts[6]
	for i, h := range hosts[1:3] {
		b.directors[i] = newDirector(b, h)
	}
	dir := tempDir(t)
	for i, h := range hosts[3:6] {
		b.webs[i] = newWeb(t, h, filepath.Join(dir, h.Name))
	}
	t.Cleanup(b.explainFailure)
	return b
}

// explainFailure shows what each director had in IPVS.
func (b *bed) explainFailure() {
	if !b.t.Failed() {
		return
	}
	for _, d := range b.directors {
		table, err := d.run("", "ipvsadm", "-Ln", "--stats")
		b.t.Logf("IPVS of %s (%v):\n%s", d.Name, err, table)
	}
}

// linkLocalOf is one that the host has at once, other than the kernel's own. Without any a
// host asks for no neighbour on behalf of others.
func linkLocalOf(h *lab.Host) netip.Prefix {
	addr := h.Eth0.IPv6.Addr().As16()
	copy(addr[:8], []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0})
	return netip.PrefixFrom(netip.AddrFrom16(addr), 64)
}

// set sets a parameter of the network namespace of the calling thread.
func set(key, value string) error {
	return os.WriteFile("/proc/sys/net/"+key, []byte(value), 0)
}

// addAddress adds an address to an interface in the namespace of the calling thread. One
// without neighbours is never chosen as a source by itself, as those of perch are not: a
// server drops what comes in a tunnel from a VIP that it has itself.
func addAddress(iface string, addr netip.Prefix) error {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return err
	}
	what := &netlink.Addr{IPNet: ipNet(addr)}
	if addr.Addr().Is6() {
		what.Flags = unix.IFA_F_NODAD
	}
	if addr.IsSingleIP() {
		what.ValidLft = math.MaxUint32
	}
	return netlink.AddrReplace(link, what)
}

func single(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// forget has every host ask anew who has the addresses.
func (b *bed) forget(addrs ...netip.Addr) {
	b.t.Helper()
	for _, h := range b.Hosts() {
		must(b.t, h.Do(func() error { return forget(addrs) }))
	}
}

func forget(addrs []netip.Addr) error {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		err := netlink.NeighDel(&netlink.Neigh{LinkIndex: eth0.Attrs().Index, IP: addr.AsSlice()})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}
