//go:build ipvs

package balance

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// vipOfExample is one that no mode has.
var vipOfExample = netip.MustParsePrefix("198.18.0.100/24")

// newExample writes the files of the example of a pair of directors, as they stand there but
// for addresses, paths, and times that a slow kernel needs. Its servers are the first two.
func (b *bed) newExample() *cluster {
	b.t.Helper()
	sw, err := b.AddSwitch()
	must(b.t, err)
	for _, d := range b.directors {
		_, err := d.Host.Join(sw) // eth1
		must(b.t, err)
	}
	c := b.newCluster("", vipOfExample)
	c.Nodes[2].Name = "witness"
	peers := []string{"[cluster]\n", "[cluster]\nheartbeat = \"3s\"\n"}
	for i, n := range c.Nodes {
		peers = append(peers, fmt.Sprintf("198.18.0.%d:7400", i+1), n.Address().String())
	}
	for _, n := range c.Nodes {
		own := fmt.Sprintf("[node]\ndata_dir = %q\nsocket = %q\n", n.DataDir(), n.Socket())
		oldnew := append([]string{"[node]\n", own, "/etc/perch/secret", n.SecretFile()}, peers...)
		if n.Name != "witness" {
			oldnew = append(oldnew, "198.18.0.11", addressOf(b.webs[0].Host, ipv4).String(), "198.18.0.12", addressOf(b.webs[1].Host, ipv4).String(),
				`contains = "ready"`, `contains = "web"`, `timeout = "1s"`, `timeout = "5s"`)
		}
		must(b.t, os.WriteFile(n.ConfigFile(), []byte(b.example(n.Name+".toml", oldnew...)), 0o600))
	}
	return c
}

// example returns a file of the example in which each odd argument, which is there, has become
// the next one.
func (b *bed) example(file string, oldnew ...string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(*exampleFolder, file))
	must(b.t, err)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			b.t.Fatalf("%s has no %q", file, oldnew[i])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(string(text))
}

// makeRealServer does to a server what its operator does, and nothing else.
func (b *bed) makeRealServer(w *web) {
	b.t.Helper()
	must(b.t, w.Host.Do(func() error { return set("ipv4/conf/all/arp_ignore", "0") }))
	must(b.t, w.Host.Do(func() error { return set("ipv4/conf/all/arp_announce", "0") }))
	_, err := run(w.Host, "", filepath.Join(*exampleFolder, "real-server"), vipOfExample.Addr().String())
	must(b.t, err)
}

// Connections survive that the owner dies, and that the other director gives the VIP back.
func TestPerchExampleOfDirectors(t *testing.T) {
	b := newBed(t)
	service := netip.AddrPortFrom(vipOfExample.Addr(), lab.HTTPPort)
	want := []string{fmt.Sprintf("-A -t %s -s wrr", service)}
	for i, w := range b.webs[:2] {
		b.makeRealServer(w)
		want = append(want, fmt.Sprintf("-a -t %s -r %s -g -w %d", service, dr.realServer(w, ipv4), 10*(i+1)))
	}
	c := b.newExample()
	must(t, c.StartAll())
	first := c.owner(c.Nodes[:2]...)
	second := c.Nodes[0]
	if first == second {
		second = c.Nodes[1]
	}
	c.director(first).has(want)
	c.director(second).has(want)
	c.director(first).syncsOver("eth1", 1, "master sync daemon")
	c.director(second).syncsOver("eth1", 1, "backup sync daemon")
	hosts, err := b.client.Answering(vipOfExample.Addr(), time.Second)
	must(t, err)
	if len(hosts) != 1 || hosts[0] != first.Host {
		t.Errorf("the VIP is answered for by %d hosts, want %s alone", len(hosts), first.Name)
	}

	all := b.invite(12, service)
	eventually(t, "the other director knows of all connections", func() bool { return all.known(c.director(second).led()) })
	c.die(first)
	c.owner(second)
	for _, err := range all.talk() {
		t.Error(err)
	}
	must(t, first.Host.Eth0.Splice())
	must(t, first.Start())
	c.director(second).syncsOver("eth1", 1, "master sync daemon")
	c.director(first).syncsOver("eth1", 1, "backup sync daemon")

	late := b.invite(12, service)
	eventually(t, "the first director knows of those that came meanwhile", func() bool { return late.known(c.director(first).led()) })
	c.perch(second, "transfer", first.Name)
	c.owner(first)
	for _, err := range append(all, late...).talk() {
		t.Error(err)
	}
}
