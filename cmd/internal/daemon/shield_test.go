package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vip/fence"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// fakeLeases makes leases of which no two may have the same VIP or MAC, as the real one.
type fakeLeases struct {
	open  []*fakeLease
	calls int // of Protect
}

type fakeLease struct {
	all    *fakeLeases
	vips   []fence.VIP
	macs   []fence.MAC
	closed bool
}

var errTaken = errors.New("another lease has it")

func (f *fakeLeases) lease() (routerLease, error) {
	l := &fakeLease{all: f}
	f.open = append(f.open, l)
	return l, nil
}

func (l *fakeLease) Protect(vips []fence.VIP, macs []fence.MAC) error {
	l.all.calls++
	for _, other := range l.all.open {
		if other != l && (overlap(vips, other.vips) || overlap(macs, other.macs)) {
			return errTaken
		}
	}
	l.vips, l.macs = slices.Clone(vips), slices.Clone(macs)
	return nil
}

func (l *fakeLease) Open(time.Duration) {}
func (l *fakeLease) Shut()              {}

func (l *fakeLease) Close() error {
	l.vips, l.macs, l.closed = nil, nil, true
	return nil
}

func overlap[T comparable](a, b []T) bool {
	return slices.ContainsFunc(a, func(v T) bool { return slices.Contains(b, v) })
}

func newShield() (*shield, *fakeLeases) {
	f := &fakeLeases{}
	return &shield{make: f.lease, fenced: (&devices{}).fenced, spared: (&devices{}).spared, leases: map[string]*guarded{}}, f
}

// router is one with addresses of 198.18.0.0/24.
func router(name string, hosts ...byte) virtualRouter {
	v := virtualRouter{VirtualRouter: config.VirtualRouter{Name: name, Interface: "eth0"}}
	for _, host := range hosts {
		v.VIPs = append(v.VIPs, vip.VIP{Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, host}), 24), Interface: "eth0"})
	}
	return v
}

func (s *shield) under(name string) []byte {
	var hosts []byte
	for _, v := range s.leases[name].routerLease.(*fakeLease).vips {
		hosts = append(hosts, v.Prefix.Addr().As4()[3])
	}
	slices.Sort(hosts)
	return hosts
}

// What a router no longer has may be in the kernel until it has been removed.
func TestShieldKeepsWhatMayBeHeldStill(t *testing.T) {
	s, _ := newShield()
	if err := s.admit([]virtualRouter{router("gw", 1, 2)}); err != nil {
		t.Fatal(err)
	}
	next := []virtualRouter{router("gw", 2, 3)}
	if err := s.admit(next); err != nil {
		t.Fatal(err)
	}
	if got := s.under("gw"); !slices.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("while 1 is removed %v are fenced", got)
	}
	if err := s.settle(next); err != nil {
		t.Fatal(err)
	}
	if got := s.under("gw"); !slices.Equal(got, []byte{2, 3}) {
		t.Errorf("in the end %v are fenced", got)
	}
}

func TestShieldMovesAnAddressFromRouterToRouter(t *testing.T) {
	for _, next := range [][]virtualRouter{
		{router("a", 1), router("b", 2, 3)},
		{router("b", 2, 3), router("a", 1)},
		{router("a", 3), router("b", 1, 2)}, // to and fro
	} {
		s, _ := newShield()
		if err := s.admit([]virtualRouter{router("a", 1, 2), router("b", 3)}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.admit(next), s.settle(next)); err != nil {
			t.Fatalf("%v: %v", next, err)
		}
		for _, v := range next {
			want, _ := (&devices{}).fenced(&v)
			if got := s.under(v.Name); len(got) != len(want) {
				t.Errorf("%s has %v, want %v", v.Name, got, want)
			}
		}
	}
}

// A virtual MAC is fenced for as long as its device may be there, and may be another
// router's then.
func TestShieldKeepsVirtualMACs(t *testing.T) {
	withMAC := func(name string, vrid int, hosts ...byte) virtualRouter {
		v := router(name, hosts...)
		v.VRID, v.Device = vrid, "vrrp"
		return v
	}
	s, _ := newShield()
	d := &devices{made: &fakeMaker{}}
	d.see([]vrrpnet.Interface{{Name: "eth0", Index: 7}})
	s.fenced, s.spared = d.fenced, d.spared
	macs := func(name string) int { return len(s.leases[name].routerLease.(*fakeLease).macs) }
	first := []virtualRouter{withMAC("a", 51, 1), withMAC("b", 52, 2)}
	if err := errors.Join(s.admit(first), s.settle(first)); err != nil {
		t.Fatal(err)
	}
	next := []virtualRouter{withMAC("a", 53, 1), withMAC("new name of b", 52, 3)}
	if err := s.admit(next); err != nil {
		t.Fatal(err)
	}
	if a, b := macs("a"), macs("new name of b"); a != 2 || b != 1 {
		t.Errorf("a has %d, b has %d", a, b)
	}
	if err := s.settle(next); err != nil {
		t.Fatal(err)
	}
	if a := macs("a"); a != 1 {
		t.Errorf("in the end a has %d", a)
	}
}

// A config that cannot be fenced leaves a master its addresses.
func TestShieldGoesBack(t *testing.T) {
	s, f := newShield()
	clusters := &fakeLease{all: f, vips: []fence.VIP{{Prefix: netip.MustParsePrefix("198.18.0.9/32")}}}
	f.open = append(f.open, clusters)
	if err := s.admit([]virtualRouter{router("a", 1, 2), router("b", 3)}); err != nil {
		t.Fatal(err)
	}
	if err := s.admit([]virtualRouter{router("a", 1), router("b", 2, 3), router("c", 9)}); !errors.Is(err, errTaken) {
		t.Fatal(err)
	}
	if a, b := s.under("a"), s.under("b"); !slices.Equal(a, []byte{1, 2}) || !slices.Equal(b, []byte{3}) {
		t.Errorf("a has %v, b has %v", a, b)
	}
}

func TestShieldLeavesAloneWhatDoesNotChange(t *testing.T) {
	s, f := newShield()
	routers := []virtualRouter{router("a", 1), router("b")}
	for range 3 {
		if err := errors.Join(s.admit(routers), s.settle(routers)); err != nil {
			t.Fatal(err)
		}
	}
	if f.calls != 2 {
		t.Errorf("fenced %d times", f.calls)
	}
}

func TestShieldClosesTheLeasesOfRoutersThatHaveGone(t *testing.T) {
	s, f := newShield()
	if err := s.admit([]virtualRouter{router("a", 1), router("b", 2)}); err != nil {
		t.Fatal(err)
	}
	next := []virtualRouter{router("b", 2)}
	if err := s.admit(next); err != nil {
		t.Fatal(err)
	}
	if f.open[0].closed {
		t.Error("closed before its addresses are gone")
	}
	if err := s.settle(next); err != nil {
		t.Fatal(err)
	}
	if !f.open[0].closed || f.open[1].closed {
		t.Errorf("a closed: %v, b closed: %v", f.open[0].closed, f.open[1].closed)
	}
}

// A link-local address may be on several interfaces: it is fenced where it is.
func TestFencedWhereItIs(t *testing.T) {
	d := &devices{indexes: map[string]int{"eth0": 7, "eth1": 8}}
	v := &virtualRouter{
		VirtualRouter: config.VirtualRouter{Interface: "eth0", VRID: 51, Addresses: []config.Address{{Prefix: netip.MustParsePrefix("fe80::1/64")}}},
		Device:        "vrrp6.51",
		VIPs: []vip.VIP{
			{Address: netip.MustParsePrefix("fe80::1/64"), Interface: "vrrp6.51"},
			{Address: netip.MustParsePrefix("2001:db8::1/64"), Interface: "vrrp6.51"},
			{Address: netip.MustParsePrefix("fe80::1/64"), Interface: "eth1"},
		},
	}
	vips, macs := d.fenced(v)
	want := []fence.VIP{
		{Prefix: netip.MustParsePrefix("fe80::1/128"), Interface: 7},
		{Prefix: netip.MustParsePrefix("2001:db8::1/128")},
		{Prefix: netip.MustParsePrefix("fe80::1/128"), Interface: 8},
	}
	if !slices.Equal(vips, want) {
		t.Errorf("%v, want %v", vips, want)
	}
	if len(macs) != 1 || macs[0] != (fence.MAC{Address: [6]byte{0, 0, 0x5e, 0, 2, 51}, Interface: 7}) {
		t.Errorf("%v", macs)
	}
	v.Interface = "eth9" // not there yet
	if vips, macs = d.fenced(v); len(vips) != 2 || len(macs) != 0 {
		t.Errorf("%v, %v", vips, macs)
	}
}
