package daemon

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

func addrPorts(list ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, a := range list {
		all = append(all, netip.MustParseAddrPort(a))
	}
	return all
}

func TestWhereAServiceIs(t *testing.T) {
	vip, other, own := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8::1"), "198.18.0.9:80"
	tests := map[string]struct {
		where     whereabouts
		addresses []string // none: a mark
		want      place
	}{
		"its VIP is here":              {whereabouts{vip: here}, []string{"198.18.0.1:80"}, here},
		"its VIP is elsewhere":         {whereabouts{vip: elsewhere}, []string{"198.18.0.1:80"}, elsewhere},
		"an address of the node's own": {whereabouts{vip: elsewhere}, []string{own}, here},
		"an own one beside a VIP":      {whereabouts{vip: elsewhere}, []string{own, "198.18.0.1:80"}, elsewhere},
		"one of two is here":           {whereabouts{vip: elsewhere, other: here}, []string{"[2001:db8::1]:80", "198.18.0.1:80"}, here},
		"none of two is here":          {whereabouts{vip: elsewhere, other: elsewhere}, []string{"[2001:db8::1]:80", "198.18.0.1:80"}, elsewhere},
		"a mark goes with any":         {whereabouts{vip: elsewhere, other: here}, nil, here},
		"a mark, and none is here":     {whereabouts{vip: elsewhere, other: elsewhere}, nil, elsewhere},
		"a mark, and nothing moves":    {nil, nil, here},
	}
	for name, tc := range tests {
		s := &config.Service{Addresses: addrPorts(tc.addresses...)}
		if got := tc.where.of(s, tc.where.most()); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// nodeOf is the config of a node of a cluster with services on a VIP, on an address of its
// own, and of a mark.
func nodeWithServices() *config.Config {
	web := config.Service{Name: "web", Addresses: addrPorts("198.18.0.1:80"), Servers: []config.RealServer{{Checks: []config.Track{{Check: "a"}, {Check: "b"}}}}}
	own := config.Service{Name: "own", Addresses: addrPorts("198.18.0.9:80", "198.18.0.1:81"), Servers: []config.RealServer{{Checks: []config.Track{{Check: "b"}}}}}
	return &config.Config{
		Node:         config.Node{Name: "n1"},
		Cluster:      &config.Cluster{Peers: []config.Peer{{Name: "n1"}}},
		VIPs:         []config.VIP{{Address: netip.MustParsePrefix("198.18.0.1/24")}},
		Services:     []config.Service{web, own, {Name: "mark", FWMark: 7, Families: []string{"ipv4"}}},
		ServerChecks: []config.Check{{Name: "a"}, {Name: "b"}},
		IPVS:         config.IPVS{OwnAll: true, Nodes: "candidates"},
	}
}

func witnessWithServices() *config.Config {
	cfg := nodeWithServices()
	cfg.Cluster.Peers[0].Witness = true
	return cfg
}

func servedNames(cfg *config.Config) (names []string) {
	for _, s := range servedBy(cfg) {
		names = append(names, s.Name)
	}
	return names
}

func checkNames(list []config.Check) (names []string) {
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

func TestAWitnessServesNoVIPOfTheCluster(t *testing.T) {
	node, witness, router, idle := nodeWithServices(), witnessWithServices(), witnessWithServices(), witnessWithServices()
	router.VRRP = []config.VirtualRouter{{}}
	idle.Services = idle.Services[:1]
	for _, tc := range []struct {
		name             string
		cfg              *config.Config
		services, checks []string
		all              bool // what others have made is perch's
	}{
		{"candidate", node, []string{"web", "own", "mark"}, []string{"a", "b"}, true},
		{"witness", witness, []string{"own"}, []string{"b"}, true},
		{"witness that is a router", router, []string{"own", "mark"}, []string{"b"}, true},
		{"witness with nothing else", idle, nil, nil, false},
		{"no cluster", &config.Config{Services: node.Services[:1], ServerChecks: node.ServerChecks, IPVS: node.IPVS}, []string{"web"}, []string{"a", "b"}, true},
	} {
		if got := servedNames(tc.cfg); !slices.Equal(got, tc.services) {
			t.Errorf("%s: services %q, want %q", tc.name, got, tc.services)
		}
		if got := checkNames(checksServed(tc.cfg)); !slices.Equal(got, tc.checks) {
			t.Errorf("%s: checks %q, want %q", tc.name, got, tc.checks)
		}
		if got := settingsOf(tc.cfg); got.All != tc.all {
			t.Errorf("%s: settings %+v", tc.name, got)
		}
	}
}

func TestSyncDaemonsFollowThePlaces(t *testing.T) {
	sync := &config.IPVSSync{Interface: "eth0", ID: 7, Group: netip.MustParseAddr("224.0.0.82"), Port: 8849, TTL: 2, MaxLen: 1400}
	daemon := func(role ipvs.Role) ipvs.SyncDaemon {
		return ipvs.SyncDaemon{Role: role, Interface: "eth0", ID: 7, MaxLen: 1400, Group: sync.Group, Port: 8849, TTL: 2}
	}
	for _, tc := range []struct {
		name string
		sync *config.IPVSSync
		at   [places]bool
		want []ipvs.SyncDaemon
	}{
		{"owner", sync, [places]bool{here: true}, []ipvs.SyncDaemon{daemon(ipvs.SyncMaster)}},
		{"standby", sync, [places]bool{elsewhere: true}, []ipvs.SyncDaemon{daemon(ipvs.SyncBackup)}},
		{"owner whose lease has ended", sync, [places]bool{releasing: true}, []ipvs.SyncDaemon{daemon(ipvs.SyncMaster)}},
		{"some here, some not", sync, [places]bool{elsewhere: true, here: true}, []ipvs.SyncDaemon{daemon(ipvs.SyncMaster), daemon(ipvs.SyncBackup)}},
		{"no service", sync, [places]bool{}, nil},
		{"not configured", nil, [places]bool{elsewhere: true, here: true}, nil},
	} {
		if diff := cmp.Diff(tc.want, syncsOf(tc.sync, tc.at), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tc.name, diff)
		}
	}
}
