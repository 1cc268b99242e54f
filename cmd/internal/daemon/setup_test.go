package daemon

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/vip"
	"github.com/perch-vip/perch/vrrp"
	"github.com/perch-vip/perch/vrrp/vrrpnet"
)

// twoRouters has a router on eth0, another one with a virtual MAC on eth1, and a
// static address.
func twoRouters(t *testing.T) *config.Config {
	t.Helper()
	cfg, _, err := config.Parse("perch.toml", []byte(`
[[vrrp]]
name = "gw"
interface = "eth0"
vrid = 51
addresses = ["198.18.0.200/24"]
excluded_addresses = ["2001:db8::200/64"]
routes = [{destination = "198.19.0.0/16", via = "198.18.0.9"}]
garp_delay = "7s"

[[vrrp]]
name = "lan"
interface = "eth1"
vrid = 52
priority = 90
virtual_mac = true
addresses = ["198.18.1.200/24", "198.18.1.201/24"]
excluded_addresses = ["2001:db8:1::200/64"]

[[sync_group]]
name = "both"
members = ["gw", "lan"]

[static]
addresses = [{address = "198.18.2.1/32", interface = "lo"}]
`), "lb1")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Addresses may be on interfaces of their own, and be put there in another way.
func TestAddressesInTheirOwnWay(t *testing.T) {
	cfg, _, err := config.Parse("perch.toml", []byte(`
[[vrrp]]
name = "gw"
interface = "eth0"
vrid = 51
virtual_mac = true
addresses = ["198.18.0.200/24", {address = "198.18.1.200/24", interface = "eth1", label = "eth1:1", scope = "link"}]
excluded_addresses = [
    {address = "198.18.2.200/24", broadcast = "198.18.2.255", prefix_route = false},
    {address = "2001:db8::1/64", peer = "2001:db8::2", preferred = true, home = true, mngtmpaddr = true},
]
[static]
addresses = [{address = "198.18.3.1/32", interface = "lo", scope = "host"}]
`), "lb1")
	if err != nil {
		t.Fatal(err)
	}
	s := newSetup(cfg)
	want := map[string]vip.Attributes{
		"198.18.0.200/24 vrrp.51": {},
		"198.18.1.200/24 eth1":    {Label: "eth1:1", Scope: unix.RT_SCOPE_LINK},
		"198.18.2.200/24 vrrp.51": {Broadcast: netip.MustParseAddr("198.18.2.255"), NoRoute: true},
		"2001:db8::1/64 eth0": {
			Peer: netip.MustParseAddr("2001:db8::2"), Preferred: true, Home: true, ManageTemp: true,
		},
		"198.18.3.1/32 lo": {Scope: unix.RT_SCOPE_HOST},
	}
	got := map[string]vip.Attributes{}
	for _, v := range s.vips() {
		got[v.String()] = s.dress[v]
	}
	if !maps.Equal(want, got) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func heldBy(t *testing.T, m masters) []string {
	t.Helper()
	vips, _, _ := newSetup(twoRouters(t)).wanted(m)
	var list []string
	for _, v := range vips {
		list = append(list, v.String())
	}
	return list
}

func TestWantedIsWhatIsStaticAndWhatMastersHold(t *testing.T) {
	gw := []string{"198.18.0.200/24 eth0", "2001:db8::200/64 eth0"}
	lan := []string{"198.18.1.200/24 vrrp.52", "198.18.1.201/24 vrrp.52", "2001:db8:1::200/64 eth1"}
	static := []string{"198.18.2.1/32 lo"}
	for _, tt := range []struct {
		masters masters
		want    [][]string
	}{
		{masters{}, [][]string{static}},
		{masters{"gw": true}, [][]string{static, gw}},
		{masters{"lan": true}, [][]string{static, lan}},
		{masters{"gw": true, "lan": true, "of an older config": true}, [][]string{static, gw, lan}},
	} {
		var want []string
		for _, part := range tt.want {
			want = append(want, part...)
		}
		if diff := cmp.Diff(want, heldBy(t, tt.masters)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.masters, diff)
		}
	}
}

func TestRoutesComeWithTheirMaster(t *testing.T) {
	s := newSetup(twoRouters(t))
	if _, routes, _ := s.wanted(masters{"lan": true}); len(routes) != 0 {
		t.Errorf("without its master: %v", routes)
	}
	_, routes, _ := s.wanted(masters{"gw": true})
	if len(routes) != 1 || routes[0].Destination != netip.MustParsePrefix("198.19.0.0/16") {
		t.Errorf("%v", routes)
	}
}

func TestHastyInterfaces(t *testing.T) {
	both := masters{"gw": true, "lan": true}
	for _, tt := range []struct {
		what    string
		masters masters
		change  func(gw, lan *virtualRouter)
		want    []string
	}{
		{"there is time", both, func(_, _ *virtualRouter) {}, nil},
		{"a group", both, func(_, lan *virtualRouter) { lan.Group = "g" }, []string{"eth1"}},
		{"a group, and a backup", masters{"gw": true}, func(_, lan *virtualRouter) { lan.Group = "g" }, nil},
		{"an interval that is long enough", both, func(_, lan *virtualRouter) { lan.AdvertInterval = 500 * time.Millisecond }, nil},
		{"a short interval", both, func(_, lan *virtualRouter) { lan.AdvertInterval = 499 * time.Millisecond }, []string{"eth1"}},
		{"a delay as long as that", both, func(_, lan *virtualRouter) { lan.LinkDownDelay = time.Second }, nil},
		{"a longer delay", both, func(_, lan *virtualRouter) { lan.LinkDownDelay = 2 * time.Second }, []string{"eth1"}},
		{"one interface", both, func(gw, lan *virtualRouter) {
			gw.Group, lan.Group, lan.Interface = "g", "g", "eth0"
		}, []string{"eth0"}},
	} {
		s := newSetup(twoRouters(t))
		s.routers[0].Group, s.routers[1].Group = "", ""
		tt.change(&s.routers[0], &s.routers[1])
		if got := s.hasty(tt.masters); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}

func TestMastersAreThoseOfTheEngine(t *testing.T) {
	got := mastersOf(map[string]vrrpnet.Status{
		"a": {State: vrrp.Master},
		"b": {State: vrrp.Backup},
		"c": {State: vrrp.Fault},
		"d": {State: vrrp.Init},
	})
	if diff := cmp.Diff(masters{"a": true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOwnerOfAnAddress(t *testing.T) {
	s := newSetup(twoRouters(t))
	at := func(address, device string) vip.VIP {
		return vip.VIP{Address: netip.MustParsePrefix(address), Interface: device}
	}
	for _, tt := range []struct {
		vip   vip.VIP
		owner string
		known bool
	}{
		{at("198.18.0.200/24", "eth0"), "gw", true},
		{at("2001:db8::200/64", "eth0"), "gw", true},
		{at("198.18.1.201/24", "vrrp.52"), "lan", true},
		{at("198.18.2.1/32", "lo"), "", true},
		{at("198.18.1.201/24", "eth1"), "", false},
	} {
		owner, known := s.owner(tt.vip)
		name := ""
		if owner != nil {
			name = owner.Name
		}
		if name != tt.owner || known != tt.known {
			t.Errorf("%s: %q, %v", tt.vip, name, known)
		}
	}
	if pace := s.pace(at("198.18.0.200/24", "eth0")); pace != (vip.Pace{
		Repeat: 5, Delay: 7 * time.Second, Refresh: time.Minute, RefreshRepeat: 1, AgainRepeat: 5, AgainDelay: 7 * time.Second,
	}) {
		t.Errorf("pace %+v", pace)
	}
	lan := s.byName["lan"]
	lan.GARPDelay, lan.GARPRefresh, lan.GARPLowerRepeat, lan.GARPLowerDelay = 0, 0, 0, 0
	if pace := s.pace(at("198.18.1.200/24", "vrrp.52")); pace != (vip.Pace{
		Repeat: 5, Delay: -1, Refresh: never, RefreshRepeat: 1, AgainRepeat: -1, AgainDelay: -1,
	}) {
		t.Errorf("pace of a router that is never announced again %+v", pace)
	}
	if pace := s.pace(at("198.18.2.1/32", "lo")); pace != (vip.Pace{}) {
		t.Errorf("pace of what is static %+v", pace)
	}
}

func TestInstanceOfARouter(t *testing.T) {
	list := newSetup(twoRouters(t)).routers
	secret := vrrp.Authentication{Kind: vrrp.Password, Secret: vrrp.Secret{'x'}}
	gw := list[0].instance(secret, nil)
	want := vrrpnet.Instance{
		Name: "gw", Interface: "eth0", Group: "both",
		Router: vrrp.Config{Version: 3, Priority: 100, Interval: time.Second, Preempt: true},
		Wire: vrrp.WireConfig{
			Version: 3, VRID: 51, Interval: time.Second, Auth: secret, TTL: 255,
			Multicast: netip.MustParseAddr("224.0.0.18"),
			Addresses: []netip.Addr{netip.MustParseAddr("198.18.0.200")},
		},
		Held: []netip.Addr{netip.MustParseAddr("198.18.0.200"), netip.MustParseAddr("2001:db8::200")},
	}
	if diff := cmp.Diff(want, gw, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if device := list[1].instance(secret, nil).Device; device != "vrrp.52" {
		t.Errorf("device %q", device)
	}
}

// What a router does in another way than usual.
func TestInstanceOfAnotherKind(t *testing.T) {
	cfg := twoRouters(t)
	r := &cfg.VRRP[1]
	r.AnswerLower, r.AnswerHigher = false, true
	r.LinkDownDelay, r.LinkUpDelay = time.Second, 2*time.Second
	r.TrackSource, r.VirtualMACAdverts = true, false
	r.MulticastGroup = netip.MustParseAddr("224.0.1.18")
	r.VirtualMACName, r.VirtualMACAddress = "web0", config.MAC{2, 0, 0, 0, 0, 1}
	lan := newSetup(cfg).routers[1]
	i := lan.instance(vrrp.Authentication{}, nil)
	if !i.Router.Reticent || !i.Router.Concede || i.LinkDownDelay != time.Second || i.LinkUpDelay != 2*time.Second ||
		!i.TrackSource || !i.Plain || i.Device != "web0" || i.Own != (vrrpnet.OwnMAC{2, 0, 0, 0, 0, 1}) || i.Wire.Multicast != r.MulticastGroup {
		t.Errorf("%+v", i)
	}
	want := vrrpnet.Device{Name: "web0", Parent: lan.Interface, VRID: 52, Own: i.Own, Named: true}
	if got := lan.device(); got != want {
		t.Errorf("device %+v, want %+v", got, want)
	}
}

// Adverts to peers come from the address by which they know this node.
func TestInstanceOfUnicastSendsFromTheParent(t *testing.T) {
	cfg := twoRouters(t)
	cfg.VRRP[1].UnicastPeers = []config.UnicastPeer{{Address: netip.MustParseAddr("198.18.1.2"), MinTTL: 254}}
	lan := newSetup(cfg).routers[1]
	i := lan.instance(vrrp.Authentication{}, nil)
	if i.Device != "" || len(i.Wire.Peers) != 1 || i.Wire.Peers[0].MinTTL != 254 {
		t.Errorf("device %q, peers %v", i.Device, i.Wire.Peers)
	}
	if lan.VIPs[0].Interface != "vrrp.52" {
		t.Errorf("the addresses are on %s", lan.VIPs[0].Interface)
	}
}

// What a late reload makes would outlive the daemon, and what is wanted late would keep
// the release from being carried out.
func TestNothingComesAfterTheStop(t *testing.T) {
	r := &routers{}
	r.stopped.Store(true)
	if err := r.configure(&config.Config{}, nil); !errors.Is(err, vrrpnet.ErrStopped) {
		t.Errorf("%v", err)
	}
	r.want(nil, nil, nil) // there is nobody to want it of
}

// What is static stays while a cluster hands over, and it may do so by that.
func TestStaticAddressesGoLast(t *testing.T) {
	r := &routers{holds: func(string) bool { return true }}
	r.setup.Store(newSetup(twoRouters(t)))
	static := r.setup.Load().static[0]
	r.stopped.Store(true)
	if !r.allowed(static) || r.allowed(r.setup.Load().routers[0].VIPs[0]) {
		t.Error("after the stop")
	}
	r.ended.Store(true)
	if r.allowed(static) {
		t.Error("in the end")
	}
}

func TestBesideAnOlderSetup(t *testing.T) {
	at := func(list ...string) *setup {
		s := &setup{}
		for _, address := range list {
			s.static = append(s.static, vip.VIP{Address: netip.MustParsePrefix(address), Interface: "eth0"})
		}
		return s
	}
	got := at("198.18.0.1/24", "198.18.0.2/24").beside(at("198.18.0.2/25", "198.18.0.3/24"))
	if want := at("198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24").static; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
