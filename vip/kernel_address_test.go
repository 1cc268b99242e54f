package vip

import (
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (l *lab) wantAddresses(want ...string) {
	l.t.Helper()
	got := l.addresses()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Fatalf("addresses: (-want +got)\n%s", diff)
	}
}

// sysctl writes a setting of the namespace of the test.
func (l *lab) sysctl(name, value string) {
	l.t.Helper()
	l.must(os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644))
}

func TestKernelFlagsAndRoutes(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	l.addr("2001:db8::1/64")
	routes4, routes6 := l.routes(netlink.FAMILY_V4), l.routes(netlink.FAMILY_V6)
	m := l.holding(Options{Lifetime: time.Hour}, vips("198.18.0.100/24", "198.18.0.101/32", "198.18.0.140/25", "198.19.0.100/24", "2001:db8::100/64", "2001:db8:1::100/64"))
	tests := []struct {
		prefix     string
		set, unset int
	}{
		{"198.18.0.1/24", unix.IFA_F_PERMANENT, unix.IFA_F_SECONDARY},
		{"198.18.0.100/24", unix.IFA_F_SECONDARY, unix.IFA_F_PERMANENT},
		{"198.18.0.101/32", unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_SECONDARY},
		{"198.18.0.140/25", unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_SECONDARY},
		{"198.19.0.100/24", 0, unix.IFA_F_NOPREFIXROUTE},
		{"2001:db8::100/64", unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED | unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_TENTATIVE},
		{"2001:db8:1::100/64", unix.IFA_F_NODAD | unix.IFA_F_DEPRECATED, unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_TENTATIVE},
	}
	for _, test := range tests {
		if got := l.flags(test.prefix); got&test.set != test.set || got&test.unset != 0 {
			t.Errorf("%s has flags %#x, want %#x and not %#x", test.prefix, got, test.set, test.unset)
		}
	}
	if diff := cmp.Diff(append(routes4, "198.19.0.0/24"), l.routes(netlink.FAMILY_V4)); diff != "" {
		t.Errorf("IPv4 routes: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(append(routes6, "2001:db8:1::/64"), l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes: (-want +got)\n%s", diff)
	}
	for _, a := range l.kernelAddresses() {
		own := a.IPNet.String() == "198.18.0.1/24" || a.IPNet.String() == "2001:db8::1/64"
		if !own && (a.ValidLft > 3600 || a.ValidLft < 3500) {
			t.Errorf("%s is valid for %d s, want an hour", a.IPNet, a.ValidLft)
		}
	}
	l.must(m.Set(nil))
	l.wantAddresses("198.18.0.1/24", "2001:db8::1/64")
	if diff := cmp.Diff(routes4, l.routes(netlink.FAMILY_V4)); diff != "" {
		t.Errorf("IPv4 routes after release: (-want +got)\n%s", diff)
	}
	// The kernel lets the prefix route of an IPv6 address with a lifetime end with it.
	if diff := cmp.Diff(append(routes6, "2001:db8:1::/64"), l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes after release: (-want +got)\n%s", diff)
	}
}

func TestKernelAttributes(t *testing.T) {
	l := newLab(t)
	routes := l.routes(netlink.FAMILY_V4)
	all := vips("198.18.0.100/24", "2001:db8::100/64")
	label := "eth0:1"
	m := l.holding(Options{Lifetime: time.Hour, Attributes: func(v VIP) Attributes {
		return Attributes{
			Label: label, Scope: unix.RT_SCOPE_LINK, Broadcast: netip.MustParseAddr("198.18.0.255"), NoRoute: true,
		}
	}}, all)
	is := func() netlink.Addr {
		for _, a := range l.kernelAddresses() {
			if a.IPNet.String() == "198.18.0.100/24" {
				return a
			}
		}
		t.Fatal("the address is not there")
		return netlink.Addr{}
	}
	a := is()
	if a.Label != "eth0:1" || a.Scope != unix.RT_SCOPE_LINK || a.Broadcast.String() != "198.18.0.255" {
		t.Errorf("the kernel has %+v", a)
	}
	if diff := cmp.Diff(routes, l.routes(netlink.FAMILY_V4)); diff != "" {
		t.Errorf("routes: (-want +got)\n%s", diff)
	}
	for _, v := range all {
		if l.flags(v.Address.String())&unix.IFA_F_NOPREFIXROUTE == 0 {
			t.Errorf("%s has a route", v)
		}
	}
	label = "eth0:2"
	l.must(m.Configure(all))
	if a := is(); a.Label != label || a.Scope != unix.RT_SCOPE_LINK {
		t.Errorf("after a change the kernel has %+v", a)
	}
	before := m.Stats().Announced
	l.must(m.Configure(all))
	if after := m.Stats().Announced; after != before {
		t.Error("it is not the same to configure it again")
	}
}

// What an IPv6 address has besides changes while it stays, and is put right when somebody
// changes it; only another peer has it go and come back.
func TestKernelMarks(t *testing.T) {
	l := newLab(t)
	const v = "2001:db8::100/64"
	all := vips(v)
	var is atomic.Pointer[Attributes]
	is.Store(&Attributes{Preferred: true, Home: true, ManageTemp: true})
	m := l.holding(Options{Lifetime: time.Hour, Attributes: func(VIP) Attributes { return *is.Load() }}, all)
	l.run(m)
	const marks = unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_DEPRECATED
	flags := func(what string, want int) {
		t.Helper()
		l.eventually(what, func() bool { return l.flags(v)&marks == want })
	}
	flags("as configured", unix.IFA_F_HOMEADDRESS|unix.IFA_F_MANAGETEMPADDR)
	l.must(l.here.AddrReplace(l.link(l.here, "eth0"), l.parse(v, func(a *netlink.Addr) { a.ValidLft, a.PreferedLft = 5000, 0 })))
	flags("put right", unix.IFA_F_HOMEADDRESS|unix.IFA_F_MANAGETEMPADDR)
	is.Store(&Attributes{})
	l.must(m.Configure(all))
	flags("after a change", unix.IFA_F_DEPRECATED)
	if n := m.Stats().Announced; n > 4 {
		t.Errorf("announced %d times, as if it had gone and come back", n)
	}
}

func TestKernelPeer(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.1/24")
	all := vips("198.18.0.100/32", "2001:db8::100/128")
	ends := map[string]string{"198.18.0.100/32": "198.18.0.9", "2001:db8::100/128": "2001:db8::9"}
	m := l.holding(Options{Lifetime: time.Hour, Attributes: func(v VIP) Attributes {
		return Attributes{Peer: netip.MustParseAddr(ends[v.Address.String()])}
	}}, all)
	are := func() {
		t.Helper()
		for _, a := range l.kernelAddresses() {
			if want, ours := ends[a.IPNet.String()]; ours && (a.Peer == nil || a.Peer.IP.String() != want) {
				t.Errorf("the peer of %s is %v, want %s", a.IPNet, a.Peer, want)
			}
		}
		for _, end := range ends {
			var routes []netlink.Route
			l.eventually("a route to "+end, func() bool {
				found, err := l.here.RouteGet(net.ParseIP(end))
				routes = found
				return err == nil
			})
			if end == "198.18.0.9" && routes[0].Src.String() != "198.18.0.100" {
				t.Errorf("the route to %s is %v", end, routes[0])
			}
		}
	}
	l.wantAddresses("198.18.0.1/24", "198.18.0.100/32", "2001:db8::100/128")
	are()
	ends = map[string]string{"198.18.0.100/32": "198.18.0.9", "2001:db8::100/128": "2001:db8::a"}
	l.must(m.Configure(all))
	are()
	l.must(m.Set(nil))
	l.wantAddresses("198.18.0.1/24")
}

func TestKernelForever(t *testing.T) {
	l := newLab(t)
	routes6 := l.routes(netlink.FAMILY_V6)
	m := l.holding(Options{}, vips("198.18.0.100/24", "2001:db8::100/64"))
	for prefix, want := range map[string]int{
		"198.18.0.100/24":  unix.IFA_F_PERMANENT,
		"2001:db8::100/64": unix.IFA_F_PERMANENT | unix.IFA_F_DEPRECATED | unix.IFA_F_NODAD,
	} {
		if got := l.flags(prefix); got != want {
			t.Errorf("%s has flags %#x, want %#x", prefix, got, want)
		}
	}
	l.must(m.Set(nil))
	l.wantAddresses()
	if diff := cmp.Diff(routes6, l.routes(netlink.FAMILY_V6)); diff != "" {
		t.Errorf("IPv6 routes after release: (-want +got)\n%s", diff)
	}
}

// TestKernelSourceAddress: the node goes on speaking from its own addresses.
func TestKernelSourceAddress(t *testing.T) {
	l := newLab(t)
	l.addr("198.18.0.9/24")
	l.addr("2001:db8::9/64")
	l.holding(Options{}, vips("198.18.0.1/24", "2001:db8::1:1/64"))
	for to, want := range map[string]string{"198.18.0.77": "198.18.0.9", "2001:db8::1:2": "2001:db8::9"} {
		routes, err := l.here.RouteGet(net.ParseIP(to))
		l.must(err)
		if got := routes[0].Src.String(); got != want {
			t.Errorf("the source of packets to %s is %s, want %s", to, got, want)
		}
	}
}

// TestKernelPrimaryGoes: the node's own address came after the VIP and is its
// secondary. It stays when the VIP goes, with all its attributes and routes.
func TestKernelPrimaryGoes(t *testing.T) {
	l := newLab(t)
	m := l.holding(Options{}, vips("198.18.0.100/24"))
	l.addr("198.18.0.1/24", func(a *netlink.Addr) {
		a.Label = "eth0:own"
		a.Broadcast = net.IPv4(198, 18, 0, 255).To4()
		a.ValidLft, a.PreferedLft = 5000, 4000
	})
	if l.flags("198.18.0.1/24")&unix.IFA_F_SECONDARY == 0 {
		t.Fatal("the node's address is no secondary: the test tests nothing")
	}
	_, everywhere, err := net.ParseCIDR("0.0.0.0/0")
	l.must(err)
	l.must(l.here.RouteAdd(&netlink.Route{
		LinkIndex: l.link(l.here, "eth0").Attrs().Index, Dst: everywhere,
		Gw: net.IPv4(198, 18, 0, 254), Src: net.IPv4(198, 18, 0, 1),
	}))
	l.must(m.Set(nil))
	own := l.kernelAddresses()
	if len(own) != 1 || own[0].IPNet.String() != "198.18.0.1/24" || own[0].Label != "eth0:own" ||
		own[0].Broadcast.String() != "198.18.0.255" || own[0].ValidLft < 4900 || own[0].PreferedLft < 3900 {
		t.Errorf("the node has %#v", own)
	}
	routes, err := l.here.RouteGet(net.IPv4(203, 0, 113, 1))
	if err != nil || routes[0].Gw.String() != "198.18.0.254" || routes[0].Src.String() != "198.18.0.1" {
		t.Errorf("the default route is %+v, %v", routes, err)
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries"); err != nil || string(b) != "0\n" {
		t.Errorf("promote_secondaries is %q, %v, want 0 as before", b, err)
	}
}

// TestKernelDuplicate: an address that lost its duplicate address detection
// against the last owner is of no use; the VIP is.
func TestKernelDuplicate(t *testing.T) {
	l := newLab(t)
	l.in(l.thereFD, func() {
		l.must(l.there.AddrAdd(l.link(l.there, "peer0"), l.parse("2001:db8::100/64")))
	})
	all := vips("2001:db8::100/64")
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.addr("2001:db8::100/64", func(a *netlink.Addr) { a.Flags = 0 })
	l.eventually("detection failed", func() bool { return l.flags("2001:db8::100/64")&unix.IFA_F_DADFAILED != 0 })
	l.must(m.Set(all))
	if got := l.flags("2001:db8::100/64"); got&(unix.IFA_F_DADFAILED|unix.IFA_F_TENTATIVE) != 0 {
		t.Errorf("the VIP has flags %#x, want it in use", got)
	}
}

// TestKernelSuccessor: what a Manager left that died is swept by the next one,
// also what is no longer configured; all that is foreign stays.
func TestKernelSuccessor(t *testing.T) {
	l := newLab(t)
	opts := Options{Ledger: filepath.Join(t.TempDir(), "vips.json")}
	l.addr("198.18.0.1/24")
	l.addr("198.18.0.7/32")
	dead := l.manager(opts)
	all := append(vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24"), many(50)...)
	l.must(dead.Configure(all))
	l.must(dead.Set(all))
	m := l.manager(opts)
	l.must(m.Configure(vips("198.18.0.100/24")))
	l.wantAddresses("198.18.0.1/24", "198.18.0.7/32")
	l.run(m)
	l.eventually("ledger", func() bool {
		got, err := ledger(opts.Ledger).Read()
		return err == nil && slices.Equal(got, vips("198.18.0.100/24"))
	})
}

// TestKernelRelease releases thousands, the foreign ones among them stay.
func TestKernelRelease(t *testing.T) {
	l := newLab(t)
	all := many(2000)
	m := l.manager(Options{})
	l.must(m.Configure(all))
	l.must(m.Set(all[:1000]))
	l.addr("198.19.250.1/16")
	l.must(m.Set(all))
	l.must(m.Set(nil))
	l.wantAddresses("198.19.250.1/16")
}

// TestLedgerOnFullDisk: an error that names the file, and the old ledger survives.
func TestLedgerOnFullDisk(t *testing.T) {
	newLab(t) // for the thread, which gets a mount namespace, too
	must(t, unix.Unshare(unix.CLONE_NEWNS))
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	disk := t.TempDir()
	must(t, unix.Mount("disk", disk, "tmpfs", 0, "size=16k"))
	defer func() { must(t, unix.Unmount(disk, 0)) }()
	l := ledger(filepath.Join(disk, "vips.json"))
	must(t, l.Write(vips("198.18.0.100/24")))
	must(t, os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 8<<10), 0o600))
	err := l.Write(many(200))
	if err == nil || !strings.Contains(err.Error(), string(l)) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("error %v, want one that names %s and the full disk", err, l)
	}
	if got, err := l.Read(); err != nil || !slices.Equal(got, vips("198.18.0.100/24")) {
		t.Errorf("the ledger has %v, %v, want what it had", got, err)
	}
	if left, _ := filepath.Glob(string(l) + ".*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestWithoutRights: the error says what is missing.
func TestWithoutRights(t *testing.T) {
	l := newLab(t)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	l.must(unix.Capset(&header, &data[0])) // of this thread, which ends with the test
	_, err := New(Options{Log: slog.New(slog.DiscardHandler)})
	if want := "open packet socket: operation not permitted"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestCloseLeaksNothing: all that was opened is closed.
func TestCloseLeaksNothing(t *testing.T) {
	l := newLab(t)
	count := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		l.must(err)
		return len(open)
	}
	before := count()
	m, err := New(Options{})
	l.must(err)
	if count() <= before {
		t.Fatal("nothing was opened: the test tests nothing")
	}
	l.must(m.Close())
	if after := count(); after != before {
		t.Errorf("%d files are open, and were %d before", after, before)
	}
}
