//go:build ipvs

package balance

import (
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

//go:embed testdata/held/keepalived.conf
var heldKeepalived string

// Servers that are looked at while an address is here come and go with perch as with
// keepalived(8): without it all stays as it was found last, whatever becomes of them.
func TestBalanceImportedWhileHeld(t *testing.T) {
	b := newBed(t)
	ours, theirs := b.directors[0], b.directors[1]
	vip := netip.MustParseAddr("198.18.0.170")
	conf := b.balanceByKeepalived(theirs, heldKeepalived)
	b.balanceByPerch(ours, importedFrom(t, conf))
	alike := func(up, checked, always string) {
		t.Helper()
		want := heldLines(up, checked, always)
		eventuallySaves(theirs, want)
		eventuallySaves(ours, want)
	}
	must(t, b.webs[0].Kill())
	alike("4 5 6", "", "5 6")
	ours.hold(vip)
	theirs.hold(vip)
	alike("5 6", "5 6", "5 6")
	ours.drop(vip)
	theirs.drop(vip)
	must(t, b.webs[0].Start())
	must(t, b.webs[1].Kill())
	alike("5 6", "5 6", "4 6")
	ours.hold(vip)
	theirs.hold(vip)
	alike("4 6", "4 6", "4 6")
}

// heldLines are the services of heldKeepalived with the servers that each has.
func heldLines(up, checked, always string) (all []string) {
	for _, s := range []struct{ address, how, servers string }{
		{"198.18.0.170:80", "-g", up}, {"198.18.0.170:81", "-m", checked}, {"198.18.0.171:80", "-g", always},
	} {
		all = append(all, fmt.Sprintf("-A -t %s -s rr", s.address))
		for _, last := range strings.Fields(s.servers) {
			all = append(all, fmt.Sprintf("-a -t %s -r 198.18.0.%s:80 %s -w 1", s.address, last, s.how))
		}
	}
	slices.Sort(all)
	return all
}

// drop takes addresses from the director.
func (d *director) drop(addrs ...netip.Addr) {
	d.bed.t.Helper()
	must(d.bed.t, d.Do(func() (err error) {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		for _, addr := range addrs {
			err = errors.Join(err, netlink.AddrDel(link, &netlink.Addr{IPNet: ipNet(single(addr))}))
		}
		return err
	}))
}
