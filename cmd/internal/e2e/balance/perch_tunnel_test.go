//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// tunnels are services with the tunnel of each of their three servers, and what ipvsadm
// has for it.
var tunnels = [][3]struct{ keys, flags string }{
	{
		{`kind = "gre"`, "gre --tun-nocsum"},
		{`kind = "gre", checksum = "checksum"`, "gre --tun-csum"},
		{`kind = "ipip"`, "ipip"},
	},
	{
		{`kind = "gue", port = 6080`, "gue --tun-port 6080 --tun-nocsum"},
		{`kind = "gue", port = 6080, checksum = "checksum"`, "gue --tun-port 6080 --tun-csum"},
		{`kind = "gue", port = 6080, checksum = "remote"`, "gue --tun-port 6080 --tun-remcsum"},
	},
}

// tunnelled are the addresses of these services: VIPs that the servers have.
var tunnelled = []netip.AddrPort{tunnel.service(ipv4), dr.service(ipv4)}

// Each kind of tunnel with each kind of checksum leads to a server.
func TestPerchTunnels(t *testing.T) {
	b := newBed(t)
	b.unpackTunnels()
	var tables strings.Builder
	var want []string
	for i, servers := range tunnels {
		address := tunnelled[i]
		fmt.Fprintf(&tables, "\n[[service]]\nname = \"tunnel%d\"\naddress = %q\nscheduler = \"rr\"\nforward = \"tunnel\"\nserver = [", i, address)
		want = append(want, fmt.Sprintf("-A -t %s -s rr", address))
		for j, w := range b.webs {
			server := netip.AddrPortFrom(addressOf(w.Host, ipv4), address.Port())
			fmt.Fprintf(&tables, "{address = %q, tunnel = {%s}}, ", server, servers[j].keys)
			want = append(want, fmt.Sprintf("-a -t %s -r %s -i -w 1 --tun-type %s", address, server, servers[j].flags))
		}
		tables.WriteString("]\n")
	}
	a := b.newAlone(tables.String())
	must(t, a.Start())
	a.has(want)
	for i := range tunnels {
		r := b.visit(tunnelled[i])
		rs := b.answered(r, 6)
		must(t, r.Close())
		for j, w := range b.webs {
			if n := answeredBy(rs, w); n == 0 {
				t.Errorf("no request came by %s: %s", tunnels[i][j].flags, rs)
			}
		}
	}
}

// unpackTunnels has the servers take what comes in their tunnels. A device for GRE takes
// packets with a checksum or those without.
func (b *bed) unpackTunnels() {
	b.t.Helper()
	from, to := addressOf(b.directors[0].Host, ipv4), addressOf(b.webs[1].Host, ipv4)
	b.ip(b.webs[0], "link set gre0 up")
	b.ip(b.webs[1], fmt.Sprintf("link add gre1 type gre local %s remote %s icsum", to, from))
	b.ip(b.webs[1], "link set gre1 up")
	for _, w := range b.webs {
		b.ip(w, "fou add port 6080 gue")
	}
}

// ip runs ip(8) on a server.
func (b *bed) ip(w *web, args string) {
	b.t.Helper()
	_, err := run(w.Host, "", "ip", strings.Fields(args)...)
	must(b.t, err)
}

// Packets of one version of IP go through a tunnel of the other one.
func TestPerchMixedFamilies(t *testing.T) {
	b := newBed(t)
	other := [...]family{ipv6, ipv4}
	var tables strings.Builder
	var want []string
	for _, f := range families {
		address := tunnel.service(f)
		fmt.Fprintf(&tables, "\n[[service]]\naddress = %q\nscheduler = \"rr\"\nforward = \"tunnel\"\nserver = [", address)
		want = append(want, fmt.Sprintf("-A -t %s -s rr", address))
		for _, w := range b.webs {
			server := tunnel.realServer(w, other[f])
			fmt.Fprintf(&tables, "{address = %q}, ", server)
			want = append(want, fmt.Sprintf("-a -t %s -r %s -i -w 1 --tun-type ipip", address, server))
		}
		tables.WriteString("]\n")
	}
	for _, w := range b.webs {
		b.ip(w, "link set sit0 up")
		b.ip(w, fmt.Sprintf("link add mixed type ip6tnl mode ipip6 local %s remote any", addressOf(w.Host, ipv6)))
		b.ip(w, "link set mixed up")
	}
	a := b.newAlone(tables.String())
	must(t, a.Start())
	a.has(want)
	for _, f := range families {
		r := b.visit(tunnel.service(f))
		rs := b.answered(r, 6)
		must(t, r.Close())
		for _, w := range b.webs {
			if answeredBy(rs, w) == 0 {
				t.Errorf("%s: no request came to %s: %s", f, w.Host.Name, rs)
			}
		}
	}
}
