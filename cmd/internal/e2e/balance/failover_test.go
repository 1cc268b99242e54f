//go:build ipvs

package balance

import (
	"net/netip"
	"testing"
)

// Connections survive the loss of the director that has them, as it has told the other
// of them.
func TestBalanceConnectionsSurvive(t *testing.T) {
	b := newBed(t)
	first, second := b.directors[0], b.directors[1]
	for i, role := range []string{"master", "backup"} {
		b.directors[i].balance(modes...)
		b.directors[i].ipvsadm("", "--start-daemon", role, "--mcast-interface", "eth0", "--syncid", "7")
	}
	tests := []struct {
		mode
		family
		many int
	}{
		{dr, ipv4, 100}, {dr, ipv6, 20}, {nat, ipv4, 20}, {nat, ipv6, 20}, {tunnel, ipv4, 20}, {tunnel, ipv6, 20},
	}
	var moved []netip.Addr
	var all guests
	for _, f := range families {
		moved = append(moved, inside[f])
		for _, m := range modes {
			moved = append(moved, m.vips[f])
		}
	}
	first.hold(moved...)
	for _, tt := range tests {
		all = append(all, b.invite(tt.many, tt.service(tt.family))...)
	}
	eventually(t, "the second director knows of all connections", func() bool { return len(second.led()) == len(all) })

	must(t, first.Eth0.Cut())
	second.hold(moved...)
	for _, err := range all.talk() {
		t.Error(err)
	}
}
