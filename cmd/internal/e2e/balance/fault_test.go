//go:build ipvs

package balance

import (
	"net/netip"
	"testing"
	"time"
)

// A frozen server and one without its cable answer nothing.
func TestBalanceSilentServers(t *testing.T) {
	b := newBed(t)
	d := b.directors[0]
	d.balance(dr)
	target := dr.service(ipv4)
	d.hold(target.Addr())
	r := b.visit(target)
	b.answered(r, 3)
	frozen, cut := b.webs[0], b.webs[1]
	from := time.Now()
	must(t, frozen.Freeze())
	must(t, cut.Host.Eth0.Cut())
	silent := map[netip.AddrPort]bool{}
	eventually(t, "both are silent", func() bool {
		led := d.led()
		for _, q := range r.Since(from) {
			if !q.Good() {
				silent[led[connection{q.From, target}]] = true
			}
		}
		return silent[dr.realServer(frozen, ipv4)] && silent[dr.realServer(cut, ipv4)]
	})
	if silent[dr.realServer(b.webs[2], ipv4)] {
		t.Error("so is the third")
	}
	must(t, frozen.Thaw())
	must(t, cut.Host.Eth0.Splice())
	eventually(t, "all answer", func() bool { return len(b.answered(r, 9).Failures()) == 0 })
}
