package e2e

import (
	"testing"
	"time"
)

// pair are the implementations of two nodes, the first of the higher priority.
type pair [2]implementation

func (p pair) String() string { return p[0].name + " over " + p[1].name }

var (
	keepalivedPairs = []pair{{perch, keepalived}, {keepalived, perch}, {perch, perch}}
	allPairs        = append([]pair{{perch, frr}, {frr, perch}}, keepalivedPairs...)
	perchAlone      = []pair{{perch, perch}}
)

// Whatever the other node is, and however they talk: it takes over from one that is
// stopped or killed, and gives way to one of higher priority.
func TestVRRPFailover(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pairs []pair
		forms []form
	}{
		"version 2, 1s":              {allPairs, []form{version2}},
		"version 2, IPv6, 1s":        {keepalivedPairs, []form{version2, ipv6}},
		"version 3, 1s":              {allPairs, []form{every(time.Second)}},
		"version 3, IPv6, 1s":        {allPairs, []form{every(time.Second), ipv6}},
		"version 3, 100ms":           {allPairs, nil},
		"version 3, IPv6, 100ms":     {allPairs, []form{ipv6}},
		"version 3, 20ms":            {allPairs, []form{every(20 * time.Millisecond)}},
		"version 3, IPv6, 20ms":      {allPairs, []form{every(20 * time.Millisecond), ipv6}},
		"many addresses":             {allPairs, []form{keeping(many4)}},
		"password":                   {keepalivedPairs, []form{version2, auth("pass", "sesame")}},
		"AH":                         {keepalivedPairs, []form{version2, auth("ah", "sesame")}},
		"AH, unicast":                {keepalivedPairs, []form{version2, auth("ah", "sesame"), unicast}},
		"HMAC":                       {perchAlone, []form{auth("hmac", hmacKey)}},
		"HMAC, IPv6":                 {perchAlone, []form{auth("hmac", hmacKey), ipv6}},
		"HMAC, unicast":              {perchAlone, []form{auth("hmac", hmacKey), unicast}},
		"unicast":                    {keepalivedPairs, []form{unicast}},
		"unicast, IPv6":              {keepalivedPairs, []form{unicast, ipv6}},
		"unicast, version 2":         {keepalivedPairs, []form{unicast, version2}},
		"unicast, virtual MAC":       {keepalivedPairs, []form{unicast, virtualMAC}},
		"virtual MAC":                {keepalivedPairs, []form{virtualMAC}},
		"virtual MAC, IPv6":          {keepalivedPairs, []form{virtualMAC, ipv6}},
		"virtual MAC, plain":         {keepalivedPairs, []form{plainAdverts}},
		"virtual MAC, plain, IPv6":   {keepalivedPairs, []form{plainAdverts, ipv6}},
		"another group":              {keepalivedPairs, []form{group("224.1.2.130")}},
		"another group, IPv6":        {keepalivedPairs, []form{group("ff02::1:12"), ipv6}},
		"another group, virtual MAC": {keepalivedPairs, []form{group("224.1.2.130"), virtualMAC}},
		"password and a virtual MAC": {perchAlone, []form{version2, auth("pass", "sesame"), virtualMAC}},
	}
	for name, tt := range tests {
		for _, p := range tt.pairs {
			t.Run(name+"/"+p.String(), func(t *testing.T) {
				t.Parallel()
				failOver(t, running(p[0], newVirtual(200, tt.forms...)), running(p[1], newVirtual(100, tt.forms...)))
			})
		}
	}
}

// hmacKey is as long as such a key must be at least.
const hmacKey = "0123456789abcdef0123456789abcdef"

func failOver(t *testing.T, high, low order) {
	t.Helper()
	s := newSegment(t, high, low)
	h, l := s.members[0], s.members[1]
	s.start(h)
	s.masterIs(h)
	s.start(l)
	s.stop(h)
	s.masterIs(l)
	s.start(h)
	s.masterIs(h)
	s.kill(h)
	s.masterIs(l)
	s.saidFarewell(h)
	s.announced(h, l)
}

// What an advert has no room for is held, and not said: each leaves out the same.
func TestVRRPMoreAddressesThanAnAdvertHolds(t *testing.T) {
	t.Parallel()
	for _, p := range keepalivedPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			tooMany := keeping(tooMany6())
			s := newSegment(t, running(p[0], newVirtual(200, tooMany)), running(p[1], newVirtual(100, tooMany)))
			h, l := s.members[0], s.members[1]
			s.start(h)
			s.masterIs(h)
			s.start(l)
			s.stop(h)
			s.masterIs(l)
			s.start(h)
			s.masterIs(h)
		})
	}
}

// The order of the addresses is each node's own affair.
func TestVRRPAddressesInAnotherOrder(t *testing.T) {
	t.Parallel()
	for _, p := range allPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			failOver(t, running(p[0], newVirtual(200, keeping(many4))), running(p[1], newVirtual(100, keeping(reverse4))))
		})
	}
}

// A virtual MAC is each node's own affair, too.
func TestVRRPVirtualMACOnOneSide(t *testing.T) {
	t.Parallel()
	for _, p := range keepalivedPairs {
		for name, family := range map[string]form{"IPv4": keeping(gateway4), "IPv6": ipv6} {
			t.Run(p.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				failOver(t, running(p[0], newVirtual(200, family, virtualMAC)), running(p[1], newVirtual(100, family)))
			})
			t.Run(p.String()+"/"+name+", other", func(t *testing.T) {
				t.Parallel()
				failOver(t, running(p[0], newVirtual(200, family)), running(p[1], newVirtual(100, family, virtualMAC)))
			})
		}
	}
}

// Of three nodes the next one takes over.
func TestVRRPThreeNodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		nodes [3]implementation
		forms []form
	}{
		"perch, keepalived, FRR":                       {[3]implementation{perch, keepalived, frr}, nil},
		"keepalived, perch, perch":                     {[3]implementation{keepalived, perch, perch}, nil},
		"FRR, perch, keepalived, IPv6":                 {[3]implementation{frr, perch, keepalived}, []form{ipv6}},
		"AH, perch, keepalived, perch":                 {[3]implementation{perch, keepalived, perch}, []form{version2, auth("ah", "sesame")}},
		"unicast, perch, keepalived, perch":            {[3]implementation{perch, keepalived, perch}, []form{unicast}},
		"unicast, keepalived, perch, keepalived, IPv6": {[3]implementation{keepalived, perch, keepalived}, []form{unicast, ipv6}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSegment(t,
				running(tt.nodes[0], newVirtual(200, tt.forms...)),
				running(tt.nodes[1], newVirtual(150, tt.forms...)),
				running(tt.nodes[2], newVirtual(100, tt.forms...)),
			)
			first, second, third := s.members[0], s.members[1], s.members[2]
			s.start(third, second, first)
			s.masterIs(first)
			s.stop(first)
			s.masterIs(second)
			s.kill(second)
			s.masterIs(third)
			s.start(second)
			s.masterIs(second)
			s.start(first)
			s.masterIs(first)
		})
	}
}

// Of two masters of the same priority the one with the lower address gives way (RFC
// 9568, section 6.4.3).
func TestVRRPTie(t *testing.T) {
	t.Parallel()
	for _, p := range allPairs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			s := newSegment(t, running(p[0], newVirtual(100)), running(p[1], newVirtual(100)))
			lower, higher := s.members[0], s.members[1]
			must(t, lower.host.Eth0.Isolate())
			s.start(lower, higher)
			s.bothAreMaster()
			must(t, lower.host.Eth0.Rejoin())
			s.masterIs(higher)
			s.stop(higher)
			s.masterIs(lower)
		})
	}
}
