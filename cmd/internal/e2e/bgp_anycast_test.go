package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// startAnycast starts nodes that know nothing of each other: each announces the VIPs while
// it is well, that is while its flag is there.
func startAnycast(t *testing.T) *routed {
	t.Helper()
	lab.NeedServices(t)
	r := prepareRouted(t)
	r.must(r.fabric.Start())
	r.ready(r.fabric.Nodes...)
	for _, n := range r.Nodes {
		r.must(os.WriteFile(n.ConfigFile(), []byte(anycastConfig(n, r.Spec.VIPs)), 0o600))
		r.raise(n)
		web, err := lab.NewHAProxy(n.Host, filepath.Join(n.Dir, "web"), lab.Manner{})
		r.must(err)
		r.must(web.Start())
	}
	r.must(r.StartAll())
	r.routedTo(r.Nodes...)
	return r
}

func anycastConfig(n *lab.Node, vips []lab.VIP) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[node]\nname = %q\ndata_dir = %q\nsocket = %q\nlog_level = \"debug\"\n", n.Name, n.DataDir(), n.Socket())
	for _, vip := range vips {
		fmt.Fprintf(&b, "\n[[vip]]\naddress = %q\ninterface = %q\n", vip.Address, vip.Interface)
	}
	b.WriteString(bgp + "anycast = true\n")
	b.WriteString(check("flag", `kind = "file"`, fmt.Sprintf("target = %q", flagOf(n))))
	return b.String()
}

// raise makes a node well.
func (r *routed) raise(n *lab.Node) {
	r.t.Helper()
	r.must(os.WriteFile(flagOf(n), nil, 0o600))
}

// servedByAll waits until requests that are sent from now on are answered by each of the
// nodes, and by no other.
func (r *routed) servedByAll(client *lab.Requester, nodes ...*lab.Node) {
	r.t.Helper()
	from := time.Now()
	r.eventually("the client is served by "+nodeNames(nodes), func() bool {
		requests := client.Since(from)
		return !slices.ContainsFunc(nodes, func(n *lab.Node) bool {
			return !slices.ContainsFunc(requests, func(q lab.Request) bool { return q.Good() && q.By == n.Name })
		})
	})
	for _, q := range client.Since(from) {
		if q.Good() && !slices.ContainsFunc(nodes, func(n *lab.Node) bool { return n.Name == q.By }) {
			r.t.Errorf("a request was answered by %s, not by one of %s", q.By, nodeNames(nodes))
		}
	}
}

// neverFewer wants the router to have had that many ways to each VIP at each moment since.
func (r *routed) neverFewer(ways int, since time.Time) {
	r.t.Helper()
	for _, p := range r.prefixes() {
		passage := r.routes.Since(p, since)
		if slices.ContainsFunc(passage.Ways, func(w lab.Ways) bool { return len(w.Via) < ways }) {
			r.t.Errorf("the router had fewer than %d ways to %s: %s", ways, p, passage)
		}
	}
}

// Every node that is well serves. One that is sick, dead, frozen or stopped is left out,
// and the others serve at each moment.
func TestBGPAnycast(t *testing.T) {
	t.Parallel()
	r := startAnycast(t)
	client, err := r.net.client.Request(netip.AddrPortFrom(r.addresses()[0], lab.HTTPPort), nil)
	r.must(err)
	r.servedByAll(client, r.Nodes...)
	begin := time.Now()
	phases := []struct {
		name      string
		end, mend func(n *lab.Node)
	}{
		{
			"sick",
			func(n *lab.Node) { r.must(os.Remove(flagOf(n))) },
			r.raise,
		},
		{
			"killed",
			func(n *lab.Node) { r.must(n.Kill()) },
			func(n *lab.Node) { r.must(n.Start()) },
		},
		{"frozen", r.freeze, r.thaw},
		{
			"stopped",
			func(n *lab.Node) { r.terminate(n) },
			func(n *lab.Node) { r.must(n.Start()) },
		},
	}
	for i, phase := range phases {
		n, now := r.Nodes[i%len(r.Nodes)], time.Now()
		phase.end(n)
		r.routedTo(r.others(n)...)
		r.announcedBy(r.others(n)...)
		r.servedByAll(client, r.others(n)...)
		phase.mend(n)
		r.routedTo(r.Nodes...)
		r.servedByAll(client, r.Nodes...)
		r.tell(phase.name, now)
		requests := client.Since(now)
		t.Logf("%s: longest time without a good answer %v; failures %v of %d", phase.name,
			requests.Outage(now, time.Now()), requests.Failures(), len(requests))
	}
	r.neverFewer(2, begin)
}
