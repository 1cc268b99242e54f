//go:build ipvs

package balance

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A range of ports is one service, by the mark that the director gives to what comes there.
func TestPerchMarks(t *testing.T) {
	b := newBed(t)
	var servers, want []string
	for _, w := range b.webs {
		server := nat.realServer(w, ipv4)
		servers = append(servers, fmt.Sprintf("{address = %q}", server))
		want = append(want, fmt.Sprintf("-a -f 7 -r %s -m -w 1", server))
	}
	a := b.newAlone(fmt.Sprintf("\n[[service]]\nname = \"range\"\nfwmark = 7\nscheduler = \"rr\"\nforward = \"nat\"\nserver = [%s]\n", strings.Join(servers, ", ")))
	vip := nat.vips[ipv4]
	a.tc("qdisc add dev eth0 clsact")
	a.tc(fmt.Sprintf("filter add dev eth0 ingress protocol ip flower ip_proto tcp dst_ip %s dst_port 8000-8009 action skbedit mark 7", vip))
	must(t, a.Start())
	a.has(append(want, "-A -f 7 -s rr"))
	for _, port := range []uint16{8000, 8005, 8009} {
		r := b.visit(netip.AddrPortFrom(vip, port))
		rs := b.answered(r, 6)
		must(t, r.Close())
		for _, w := range b.webs {
			if answeredBy(rs, w) == 0 {
				t.Errorf("port %d: no request came to %s: %s", port, w.Host.Name, rs)
			}
		}
	}
	conn, err := b.client.Dial(t.Context(), "tcp", netip.AddrPortFrom(vip, 8010))
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("behind the range: %v, %v, want that nobody is there", conn, err)
	}
}

// tc runs tc(8) on the director.
func (a *alone) tc(args string) {
	a.bed.t.Helper()
	_, err := a.director.run("", "tc", strings.Fields(args)...)
	must(a.bed.t, err)
}
