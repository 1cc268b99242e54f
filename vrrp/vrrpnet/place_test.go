package vrrpnet

import (
	"net/netip"
	"testing"

	"github.com/perch-vip/perch/vrrp"
)

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestPlaces(t *testing.T) {
	both := prefixes("198.18.0.1/24", "198.18.0.5/24", "2001:db8::1/64", "fe80::1/64")
	for _, tt := range []struct {
		name       string
		interfaces []Interface
		change     func(*Instance)
		now        string
		want       string // source, or reason
	}{
		{"the first address", []Interface{{Name: "eth0", Up: true, Addresses: both}}, nil, "", "198.18.0.1"},
		{"the link-local address", []Interface{{Name: "eth0", Up: true, Addresses: both}}, ipv6, "", "fe80::1"},
		{
			"none that is held",
			[]Interface{{Name: "eth0", Up: true, Addresses: prefixes("198.18.1.7/32", "198.18.0.5/24")}},
			nil, "", "198.18.0.5",
		},
		{
			"no link-local address that is held",
			[]Interface{{Name: "eth0", Up: true, Addresses: prefixes("fe80::100/64", "fe80::9/64")}},
			ipv6, "", "fe80::9",
		},
		{"the one that it has", []Interface{{Name: "eth0", Up: true, Addresses: both}}, nil, "198.18.0.5", "198.18.0.5"},
		{"unless it has gone", []Interface{{Name: "eth0", Up: true, Addresses: both}}, nil, "198.18.0.9", "198.18.0.1"},
		{
			"what is configured",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}},
			func(i *Instance) { i.Router.Source = netip.MustParseAddr("192.0.2.1") }, "", "192.0.2.1",
		},
		{"no interface", []Interface{{Name: "eth1", Up: true}}, nil, "", "there is no interface eth0"},
		{"down", []Interface{{Name: "eth0", Addresses: both}}, nil, "", "eth0 is down"},
		{
			"down, and never mind",
			[]Interface{{Name: "eth0", Addresses: both}},
			func(i *Instance) { i.IgnoreLink = true }, "", "198.18.0.1",
		},
		{
			"no IPv4 address",
			[]Interface{{Name: "eth0", Up: true, Addresses: prefixes("fe80::1/64")}},
			nil, "", "eth0 has no IPv4 address",
		},
		{
			"no link-local address",
			[]Interface{{Name: "eth0", Up: true, Addresses: prefixes("2001:db8::1/64")}},
			ipv6, "", "eth0 has no IPv6 link-local address",
		},
		{
			"a global address for global peers",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}},
			func(i *Instance) { ipv6(i); unicast(netip.MustParseAddr("2001:db8::2"))(i) }, "", "2001:db8::1",
		},
		{
			"no address for the peers",
			[]Interface{{Name: "eth0", Up: true, Addresses: prefixes("fe80::1/64")}},
			func(i *Instance) { ipv6(i); unicast(netip.MustParseAddr("2001:db8::2"))(i) }, "", "eth0 has no IPv6 address for its peers",
		},
		{
			"no virtual MAC",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}},
			func(i *Instance) { i.Device = "vrrp.7" }, "", "there is no interface vrrp.7",
		},
		{
			"a virtual MAC, with the address of its parent",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "vrrp.7", Up: true}},
			func(i *Instance) { i.Device = "vrrp.7" }, "", "198.18.0.1",
		},
		{
			"a virtual MAC with an IPv6 address of its own",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "vrrp.7", Up: true, Addresses: prefixes("fe80::7/64")}},
			func(i *Instance) { ipv6(i); i.Device = "vrrp.7" }, "", "fe80::7",
		},
		{
			"a virtual MAC that is not seen in adverts",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "vrrp.7", Up: true, Addresses: prefixes("fe80::7/64")}},
			func(i *Instance) { ipv6(i); i.Device, i.Plain = "vrrp.7", true }, "", "fe80::1",
		},
		{
			"a virtual MAC whose device is down",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "vrrp.7"}},
			func(i *Instance) { i.Device = "vrrp.7" }, "", "vrrp.7 is down",
		},
		{
			"the device of another router",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "web0", Up: true, MAC: VirtualMAC4(8)}},
			func(i *Instance) { i.Device = "web0" }, "", "web0 has not the MAC 00:00:5e:00:01:07",
		},
		{
			"the device that had another MAC",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}, {Name: "web0", Up: true, MAC: VirtualMAC4(7)}},
			func(i *Instance) { i.Device, i.Own = "web0", OwnMAC{2, 0, 0, 0, 0, 1} }, "", "web0 has not the MAC 02:00:00:00:00:01",
		},
		{
			"a source that the interface has",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}},
			func(i *Instance) { i.Router.Source, i.TrackSource = netip.MustParseAddr("198.18.0.5"), true }, "", "198.18.0.5",
		},
		{
			"a source that it has not",
			[]Interface{{Name: "eth0", Up: true, Addresses: both}},
			func(i *Instance) { i.Router.Source, i.TrackSource = netip.MustParseAddr("192.0.2.1"), true }, "",
			"eth0 has no address 192.0.2.1, its source",
		},
		{
			"a source that is the device's",
			[]Interface{{Name: "eth0", Up: true}, {Name: "vrrp.7", Up: true, Addresses: prefixes("fe80::7/64")}},
			func(i *Instance) {
				ipv6(i)
				i.Device, i.Router.Source, i.TrackSource = "vrrp.7", netip.MustParseAddr("fe80::7"), true
			}, "", "fe80::7",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := instance(7, 100)
			if tt.change != nil {
				tt.change(&i)
			}
			for n := range tt.interfaces {
				if on := &tt.interfaces[n]; on.MAC == nil {
					on.MAC = i.mac()
				}
			}
			around := surroundings{byName(tt.interfaces), map[netip.Addr]bool{}}
			for _, held := range i.Held {
				around.held[held] = true
			}
			var now place
			if tt.now != "" {
				now.source = netip.MustParseAddr(tt.now)
			}
			at, got := around.locate(&i, now)
			if down := around.down(&i); down != "" {
				got = down + " is down"
			}
			if got == "" {
				got = at.source.String()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// What an advert cannot hold is left out of it: one that says of more addresses than it
// counts, or is too long for the network, is refused by all.
func TestRoom(t *testing.T) {
	keys := map[uint8][]byte{1: make([]byte, 32)}
	s := &surroundings{interfaces: byName([]Interface{{Name: "eth0", MTU: 1500}, {Name: "small", MTU: 1280}, {Name: "lo", MTU: 65536}})}
	for _, tt := range []struct {
		on   string
		ipv6 bool
		keys map[uint8][]byte
		want int
	}{
		{"eth0", false, nil, 255},
		{"eth0", true, nil, 89},
		{"eth0", true, keys, 88},
		{"small", true, nil, 76},
		{"lo", true, nil, 255},
		{"not there", true, nil, 89},
	} {
		i := &Instance{Interface: tt.on, IPv6: tt.ipv6, Wire: vrrp.WireConfig{Version: vrrp.V3, Auth: vrrp.Authentication{Keys: tt.keys}}}
		if got := s.room(i); got != tt.want {
			t.Errorf("%s, IPv6 %v, %d keys: %d addresses, want %d", tt.on, tt.ipv6, len(tt.keys), got, tt.want)
		}
	}
}
