package vip

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// dressed is an intent to hold one VIP with attributes.
func dressed(vip string, is Attributes) intent {
	return intent{
		configured: vips(vip), want: vips(vip), mine: make(map[place]claim),
		dress: func(VIP) Attributes { return is },
	}
}

func TestAttributesOfNewAddresses(t *testing.T) {
	all := Attributes{
		Label: "eth0:1", Scope: unix.RT_SCOPE_LINK, Broadcast: netip.MustParseAddr("198.18.0.255"), NoRoute: true,
	}
	for vip, want := range map[string]address{
		"198.18.0.100/24": {
			label: "eth0:1", scope: unix.RT_SCOPE_LINK, broadcast: netip.MustParseAddr("198.18.0.255"),
			flags: unix.IFA_F_NOPREFIXROUTE, valid: forever, preferred: forever,
		},
		"2001:db8::100/64": {flags: unix.IFA_F_NODAD | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_DEPRECATED, valid: forever},
	} {
		want.index, want.prefix = 2, netip.MustParsePrefix(vip)
		v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}}
		actions := dressed(vip, all).survey(v).plan(nil)
		if len(actions) != 1 || actions[0].address != want || actions[0].given != all {
			t.Errorf("actions are %+v, want address %+v", actions, want)
		}
	}
}

// The kernel has one scope for a subnet.
func TestScopeOfASubnet(t *testing.T) {
	in := dressed("198.18.0.100/24", Attributes{Scope: unix.RT_SCOPE_LINK})
	v := view{
		links:     map[string]link{"eth0": ethernetLink(2, "eth0")},
		addresses: []address{addressOn(t, "198.18.0.1/24", &in)},
	}
	if actions := in.survey(v).plan(nil); len(actions) != 1 || actions[0].address.scope != 0 {
		t.Errorf("actions are %+v, want an address of scope 0", actions)
	}
}

// What has changed is put right of addresses of ours, and of no others.
func TestAttributesChange(t *testing.T) {
	for have, want := range map[string]string{
		"198.18.0.100/24 mine":    "remove 198.18.0.100/24, add 198.18.0.100/24",
		"198.18.0.100/24 adopted": "",
	} {
		in := dressed("198.18.0.100/24", Attributes{Label: "eth0:1"})
		v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}}
		v.addresses = []address{addressOn(t, have, &in)}
		if got := texts(in.survey(v).plan(nil)); got != want {
			t.Errorf("%s: plan is %q, want %q", have, got, want)
		}
	}
}

// What the kernel can change of an IPv6 address is changed while it stays.
func TestMarksChangeInPlace(t *testing.T) {
	const deprecated = unix.IFA_F_DEPRECATED
	for _, tt := range []struct {
		have  string
		is    Attributes
		flags uint32 // of the one action; 0 for none
		until uint32 // it is preferred
	}{
		{have: "2001:db8::100/64 mine"},
		{have: "2001:db8::100/64 preferred mine", flags: deprecated},
		{have: "2001:db8::100/64 preferred mine", is: Attributes{Preferred: true}},
		{have: "2001:db8::100/64 mine", is: Attributes{Preferred: true, Home: true}, flags: unix.IFA_F_HOMEADDRESS, until: forever},
		{have: "2001:db8::100/64 home mine", is: Attributes{ManageTemp: true}, flags: unix.IFA_F_MANAGETEMPADDR | deprecated},
		{have: "2001:db8::100/64 home adopted"},
		{have: "198.18.0.100/24 mine", is: Attributes{Preferred: true, Home: true}},
	} {
		in := dressed(strings.Fields(tt.have)[0], tt.is)
		v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}}
		v.addresses = []address{addressOn(t, tt.have, &in)}
		actions := in.survey(v).plan(nil)
		if tt.flags == 0 && len(actions) == 0 {
			continue
		}
		if len(actions) != 1 || actions[0].op != opModify || actions[0].address.flags != tt.flags || actions[0].address.preferred != tt.until {
			t.Errorf("%s to be %+v: actions are %+v", tt.have, tt.is, actions)
		}
	}
}

// An address that is taken over has what it has been given by somebody else, and what it is to have.
func TestMarksOfAdoptedAddresses(t *testing.T) {
	in := dressed("2001:db8::100/64", Attributes{ManageTemp: true, Preferred: true})
	v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}, addresses: []address{addressOn(t, "2001:db8::100/64 home", &in)}}
	actions := in.survey(v).plan(nil)
	const want = unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR
	if len(actions) != 1 || actions[0].op != opAdopt || actions[0].address.flags&want != want || actions[0].address.preferred != forever {
		t.Errorf("actions are %+v", actions)
	}
}

// The other end of a link is reached by a route of the address's own, and follows the config.
func TestPeer(t *testing.T) {
	for vip, peer := range map[string]string{"198.18.0.100/32": "198.18.0.1", "2001:db8::100/128": "2001:db8::1"} {
		is := Attributes{Peer: netip.MustParseAddr(peer)}
		in := dressed(vip, is)
		in.mine[place{index: 2, prefix: netip.MustParsePrefix(vip)}] = claim{attributes: is}
		v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}}
		own := netip.PrefixFrom(is.Peer, is.Peer.BitLen()-8).String()
		v.addresses = []address{addressOn(t, own, &in), addressOn(t, vip, &in)}
		actions := in.survey(v).plan(nil) // somebody has taken the peer away
		want := "remove " + vip + ", add " + vip
		if got := texts(actions); got != want {
			t.Fatalf("plan is %q, want %q", got, want)
		}
		in.mine = make(map[place]claim) // it is somebody else's
		if got := texts(in.survey(v).plan(nil)); got != want {
			t.Errorf("plan is %q, want %q", got, want)
		}
		in.mine[place{index: 2, prefix: netip.MustParsePrefix(vip)}] = claim{attributes: is}
		a := actions[1].address
		if a.peer != is.Peer || a.has(unix.IFA_F_NOPREFIXROUTE) {
			t.Errorf("added is %+v", a)
		}
		v.addresses[1] = a
		if again := in.survey(v).plan(nil); len(again) > 0 {
			t.Errorf("it is not right then: %q", texts(again))
		}
	}
}

// Another one's point-to-point link stays one where the config says nothing of it.
func TestPeerOfSomebodyElse(t *testing.T) {
	for _, vip := range []string{"198.18.0.100/32", "2001:db8::100/128"} {
		in := dressed(vip, Attributes{})
		v := view{links: map[string]link{"eth0": ethernetLink(2, "eth0")}, addresses: []address{addressOn(t, vip, &in)}}
		v.addresses[0].peer = netip.MustParsePrefix(vip).Addr().Prev()
		actions := in.survey(v).plan(nil)
		if len(actions) != 1 || actions[0].op != opAdopt || actions[0].address.peer != v.addresses[0].peer {
			t.Errorf("%s: actions are %+v", vip, actions)
		}
	}
}
