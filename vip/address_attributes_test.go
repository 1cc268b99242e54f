package vip

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// dressed is an intent to hold one VIP with attributes.
func dressed(vip string, is Attributes) intent {
	return intent{
		configured: vips(vip), want: vips(vip), mine: make(map[place]claim), lifetime: forever,
		attributes: func(VIP) Attributes { return is },
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
		"2001:db8::100/64": {flags: unix.IFA_F_NODAD | unix.IFA_F_NOPREFIXROUTE, valid: forever},
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
