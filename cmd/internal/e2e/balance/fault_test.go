//go:build ipvs

package balance

import (
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// The client's log tells who failed, and when that connection was opened.
func TestBalanceDeadServer(t *testing.T) {
	b := newBed(t)
	d := b.directors[0]
	d.balance(nat)
	target := nat.service(ipv4)
	d.hold(target.Addr(), inside[ipv4])
	dead := b.webs[1]
	address := nat.realServer(dead, ipv4)
	r := b.visit(target)
	b.answered(r, 10)

	killed := time.Now()
	must(t, dead.Kill())
	eventually(t, "requests fail", func() bool { return len(r.Since(killed).Failures()) > 0 })
	d.ipvsadm("", "-d", "-t", target.String(), "-r", address.String())
	removed := time.Now()
	led := d.led()
	b.answered(r, 30)
	must(t, r.Close())
	b.failedBy(r, led, target, address, killed, removed)
	must(t, dead.Start())
	d.ipvsadm("", "-a", "-t", target.String(), "-r", address.String(), "-m")
	again := b.visit(target)
	eventually(t, "the server answers again", func() bool {
		return answeredBy(again.Since(removed), dead) > 0
	})
}

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

// What a bad line does between director and server is seen by the client.
func TestBalanceImpairedServer(t *testing.T) {
	const delay = 100 * time.Millisecond
	b := newBed(t)
	d := b.directors[0]
	d.balance(nat)
	d.hold(nat.vips[ipv4], inside[ipv4])
	impaired := b.webs[2]
	r := b.visit(nat.service(ipv4))
	b.answered(r, 3)

	must(t, impaired.Host.Eth0.Impair(lab.Impairment{Delay: delay}))
	rs := b.answered(r, 9)
	for _, q := range rs {
		// Once for the handshake, once for the request.
		if q.By == impaired.Host.Name && q.Took < 2*delay {
			t.Errorf("%s answered after %s", q.By, q.Took)
		}
	}
	if n := answeredBy(rs, impaired); n < 2 {
		t.Errorf("%s answered %d of 9 requests", impaired.Host.Name, n)
	}
	must(t, impaired.Host.Eth0.Impair(lab.Impairment{Loss: 100}))
	from := time.Now()
	eventually(t, "a request is lost", func() bool { return r.Since(from).Failures()["no answer"] > 0 })
	must(t, impaired.Host.Eth0.Mend())
	b.answered(r, 9)
}

// A download goes on while its server gets no new connections.
func TestBalanceDrainedServer(t *testing.T) {
	b := newBed(t)
	d := b.directors[0]
	d.balance(tunnel)
	target := tunnel.service(ipv6)
	d.hold(target.Addr())
	download := b.download(target)
	server := d.led()[download.connection()]
	d.ipvsadm("", "-e", "-t", target.String(), "-r", server.String(), "-i", "-w", "0")
	for _, q := range b.answered(b.visit(target), 9) {
		if q.By == download.host {
			t.Errorf("%s, which has weight 0, answered a new connection", q.By)
		}
	}
	if !download.running() {
		t.Error("the download was over before the requests were")
	}
	if err := download.wait(); err != nil {
		t.Error(err)
	}
}
