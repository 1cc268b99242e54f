package vip

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func drawAddress(t *rapid.T) address {
	a := address{
		index:  rapid.IntRange(1, 1<<30).Draw(t, "index"),
		scope:  rapid.Byte().Draw(t, "scope"),
		proto:  rapid.Byte().Draw(t, "proto"),
		flags:  rapid.Uint32().Draw(t, "flags") & settableFlags,
		metric: rapid.Uint32().Draw(t, "metric"),
		valid:  rapid.Uint32Min(1).Draw(t, "valid"), preferred: rapid.Uint32().Draw(t, "preferred"),
	}
	if rapid.Bool().Draw(t, "IPv4") {
		addr := draw4(t, "address")
		a.prefix = netip.PrefixFrom(addr, rapid.IntRange(0, 32).Draw(t, "bits"))
		if peer := draw4(t, "peer"); peer != addr && rapid.Bool().Draw(t, "has peer") {
			a.peer = peer
		}
		if rapid.Bool().Draw(t, "has broadcast") {
			a.broadcast = draw4(t, "broadcast")
		}
		a.label = rapid.StringMatching(`|eth0(:[a-z]{1,9})?`).Draw(t, "label")
		return a
	}
	addr := draw6(t, "address")
	a.prefix = netip.PrefixFrom(addr, rapid.IntRange(0, 128).Draw(t, "bits"))
	if peer := draw6(t, "peer"); peer != addr && rapid.Bool().Draw(t, "has peer") {
		a.peer = peer
	}
	return a
}

func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAddress(t)
		got, err := parseAddress(appendAddress(nil, a))
		if err != nil || got != a {
			t.Fatalf("read back as %+v, %v, want %+v", got, err, a)
		}
	})
}

func TestAddressSetsOnlyFlagsOfRequests(t *testing.T) {
	a := address{index: 2, prefix: netip.MustParsePrefix("198.18.0.1/24"), flags: ^uint32(0)}
	got, err := parseAddress(appendAddress(nil, a))
	if err != nil || got.flags != settableFlags {
		t.Errorf("flags are %#x, %v, want %#x", got.flags, err, settableFlags)
	}
}

func TestParseAddressRefuses(t *testing.T) {
	good := appendAddress(nil, address{index: 2, prefix: netip.MustParsePrefix("198.18.0.1/24")})
	long := slices.Clone(good)
	long[1] = 33
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, errShort},
		{"half a header", good[:unix.SizeofIfAddrmsg-1], errShort},
		{"no address", good[:unix.SizeofIfAddrmsg], unix.EINVAL},
		{"33 bits", long, unix.EINVAL},
	}
	for _, test := range tests {
		if _, err := parseAddress(test.b); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
}

func TestAddressProperties(t *testing.T) {
	at := func(prefix string, flags uint32) address {
		return address{index: 2, prefix: netip.MustParsePrefix(prefix), flags: flags}
	}
	peered := at("198.18.0.1/32", 0)
	peered.peer = netip.MustParseAddr("198.18.7.9")
	tests := []struct {
		name                string
		a                   address
		secondary, unusable bool
		subnet              string
	}{
		{"primary", at("198.18.0.1/24", unix.IFA_F_PERMANENT), false, false, "198.18.0.0/24"},
		{"secondary", at("198.18.0.1/24", unix.IFA_F_SECONDARY), true, false, "198.18.0.0/24"},
		{"with a peer", peered, false, false, "198.18.7.9/32"},
		{"IPv6 temporary, the same bit", at("2001:db8::1/64", unix.IFA_F_TEMPORARY), false, false, "2001:db8::/64"},
		{"tentative", at("2001:db8::1/64", unix.IFA_F_TENTATIVE), false, true, "2001:db8::/64"},
		{"failed", at("2001:db8::1/64", unix.IFA_F_DADFAILED), false, true, "2001:db8::/64"},
		{"optimistic", at("2001:db8::1/64", unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC), false, false, "2001:db8::/64"},
	}
	for _, test := range tests {
		if test.a.secondary() != test.secondary || test.a.unusable() != test.unusable || test.a.subnet().String() != test.subnet {
			t.Errorf("%s: secondary %t, unusable %t, subnet %s", test.name, test.a.secondary(), test.a.unusable(), test.a.subnet())
		}
	}
}

func TestLinkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := link{
			index: rapid.IntRange(1, 1<<30).Draw(t, "index"), name: rapid.StringMatching(`[a-z]{1,15}`).Draw(t, "name"),
			up: rapid.Bool().Draw(t, "up"), ethernet: rapid.Bool().Draw(t, "ethernet"),
			master: rapid.IntRange(0, 9).Draw(t, "master"), flaps: rapid.Uint32().Draw(t, "flaps"),
			promotes: rapid.Bool().Draw(t, "promotes"), routes: rapid.Bool().Draw(t, "routes"),
		}
		l.running = l.up && rapid.Bool().Draw(t, "running")
		if l.ethernet {
			l.mac = drawMAC(t, "mac")
			l.mac[5] |= 1
		}
		got, err := parseLink(appendLink(nil, l, "other"))
		if err != nil || got.link != l || !slices.Equal(got.names, []string{l.name, "other"}) {
			t.Fatalf("read back as %+v, %v, want %+v", got, err, l)
		}
	})
}

// TestLinkSettings: attributes of other families of the kernel have the same numbers.
func TestLinkSettings(t *testing.T) {
	zero := make([]byte, 4*50)
	conf4, conf6 := slices.Clone(zero), slices.Clone(zero)
	conf4[4*(promoteSecondaries-1)], conf6[4*forwarding6] = 1, 1
	other := appendAttribute(appendAttribute(nil, unix.IFLA_INET_CONF, zero), unix.IFLA_INET6_CONF, zero)
	families := appendAttribute(nil, unix.AF_INET, appendAttribute(appendAttribute(nil, unix.IFLA_INET_CONF, conf4), unix.IFLA_INET6_CONF, zero))
	families = appendAttribute(families, unix.AF_INET6, appendAttribute(appendAttribute(nil, unix.IFLA_INET6_CONF, conf6), unix.IFLA_INET_CONF, zero))
	families = appendAttribute(families, unix.AF_BRIDGE, other)
	b := appendAttribute(appendLink(nil, ethernetLink(2, "eth0")), unix.IFLA_AF_SPEC, families)
	if l, err := parseLink(b); err != nil || !l.promotes || !l.routes {
		t.Errorf("promotes %t, routes %t, %v, want both", l.promotes, l.routes, err)
	}
}

func TestLinkWithoutNeighbours(t *testing.T) {
	good := appendLink(nil, ethernetLink(2, "eth0"))
	noARP, loopback := slices.Clone(good), slices.Clone(good)
	noARP[8] |= unix.IFF_NOARP
	loopback[2], loopback[3] = 0x04, 0x03 // ARPHRD_LOOPBACK
	noMAC := appendLink(nil, link{index: 2, name: "eth0", ethernet: true})
	for name, b := range map[string][]byte{"no ARP": noARP, "loopback": loopback, "no MAC": noMAC} {
		if got, err := parseLink(b); err != nil || got.ethernet || got.mac != (hwAddr{}) {
			t.Errorf("%s: %+v, %v, want no Ethernet", name, got, err)
		}
	}
	if _, err := parseLink(good[:unix.SizeofIfInfomsg-1]); !errors.Is(err, errShort) {
		t.Errorf("half a header: error %v, want %v", err, errShort)
	}
}

func TestAttributesEndAtNonsense(t *testing.T) {
	good := appendUint32(nil, 1, 7)
	for name, tail := range map[string][]byte{
		"cut off": {8, 0}, "size 0": {0, 0, 1, 0}, "larger than the rest": {9, 0, 1, 0, 1, 2, 3, 4},
	} {
		count := 0
		for kind, value := range attributes(append(slices.Clone(good), tail...)) {
			count++
			if kind != 1 || uint32At(value, 0) != 7 || uint32At(value, 1) != 0 {
				t.Errorf("%s: attribute %d is %x", name, kind, value)
			}
		}
		if count != 1 {
			t.Errorf("%s: %d attributes, want 1", name, count)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add(appendAddress(nil, address{index: 2, prefix: netip.MustParsePrefix("198.18.0.1/24"), label: "eth0", valid: 7}))
	f.Add(appendAddress(nil, address{index: 2, prefix: netip.MustParsePrefix("2001:db8::1/64"), peer: test6}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAddress(b)
		if err != nil {
			return
		}
		_, _, _ = a.subnet(), a.secondary(), a.unusable()
		a.flags &= settableFlags
		if back, err := parseAddress(appendAddress(nil, a)); a.valid != 0 && (err != nil || back != a) {
			t.Errorf("%x reads as %+v, which reads back as %+v, %v", b, a, back, err)
		}
	})
}

func FuzzParseLink(f *testing.F) {
	f.Add(appendLink(nil, ethernetLink(2, "eth0"), "other"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := parseLink(b); err == nil && l.running && !l.up {
			t.Errorf("%x is running but not up", b)
		}
	})
}
