package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// FRR takes its files of the example as they stand.
func TestExampleOfFRR(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	files, err := filepath.Glob(filepath.Join(examples, "bgp/*.frr.conf"))
	must(t, err)
	if len(files) != 4 {
		t.Fatalf("files of FRR: %v", files)
	}
	for _, file := range files {
		if out, err := exec.Command("vtysh", "-C", "-f", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("vtysh -C -f %s: %v\n%s", file, err, out)
		}
	}
}

// newRoutedExample returns the example's cluster behind the example's router. Only addresses
// and paths differ, and owners keep their calm on a busy machine.
func newRoutedExample(t *testing.T) *routed {
	t.Helper()
	r := prepareRouted(t, vips("lo", "198.18.1.100/32", "2001:db8:ff::100/128"))
	peers, sessions := []string{"[cluster]\n", "[cluster]\nfailover = \"wan\"\n"}, []string{}
	for i, n := range r.Nodes {
		k, node, up := i+1, n.Host.Eth0, r.fabric.Uplink(n.Host)
		peers = append(peers, fmt.Sprintf("10.%d.0.1:", k), node.IPv4.Addr().String()+":")
		sessions = append(sessions, fmt.Sprintf("10.%d.0.1 ", k), node.IPv4.Addr().String()+" ", fmt.Sprintf("2001:db8:%d::1 ", k), node.IPv6.Addr().String()+" ")
		r.useFRR(n.Host, n.Name, fmt.Sprintf("10.%d.0.1\n", k), node.IPv4.Addr().String()+"\n",
			fmt.Sprintf("10.%d.0.254", k), up.IPv4.Addr().String(), fmt.Sprintf("2001:db8:%d::fe", k), up.IPv6.Addr().String())
	}
	for _, n := range r.Nodes {
		r.useExample(n, "bgp", peers...)
	}
	r.useFRR(r.fabric.Router, "router", append(sessions, "10.1.0.254", r.fabric.Router.Eth0.IPv4.Addr().String())...)
	return r
}

// useFRR gives the bgpd of a host a file of the example.
func (r *routed) useFRR(h *lab.Host, name string, oldnew ...string) {
	r.t.Helper()
	text := example(r.t, "bgp/"+name+".frr.conf", oldnew...)
	r.must(h.Do(func() error { return os.WriteFile("/run/frr/bgpd.conf", []byte(text), 0o644) }))
}

// The router follows a planned move without a gap, and the VIPs leave a node that it does not
// hear. It hears of nothing but VIPs.
func TestBGPExample(t *testing.T) {
	t.Parallel()
	r := newRoutedExample(t)
	r.must(r.fabric.Start())
	for _, h := range append([]*lab.Host{r.fabric.Router}, r.fabric.Nodes...) {
		r.eventually(h.Name+" has its sessions", func() bool {
			ready, err := r.fabric.Speakers[h].Established()
			return err == nil && ready
		})
	}
	r.must(r.StartAll())
	old := r.settled()
	r.routedTo(old)
	r.announcedBy(old)

	now := time.Now()
	next := r.handOver(old, askedFor, func() { r.perch(old, "transfer") })
	r.tell("transfer", now)
	r.neverBroken(now)
	r.neverShared(now)

	r.must(r.speaker(next).BGPD.Kill())
	last := r.movedFrom(next)
	if got := r.lastClaim(last); got.From != next.Name || got.Cause != "health" {
		t.Errorf("the VIPs went from %s to %s because: %s; want from %s because of its check", got.From, got.To, got.Reason, next.Name)
	}
}
