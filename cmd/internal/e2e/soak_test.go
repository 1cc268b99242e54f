package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	signals "os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	soakDuration = flag.Duration("soak", 0, "for how long TestSoak has a loaded machine run clusters; 0 for not at all")
	soakMemory   = flag.Int64("memory", 0, "bytes that TestSoak has written to all the time; 0 for most of what is left")
	soakPriority = flag.String("priority", "", "of the clusters' daemons in TestSoak: nice or rr; nothing for that of all else")
)

// soakEvery is how often the nodes are looked at.
const soakEvery = 15 * time.Second

// scriptsPerNode and scriptsEvery make 100 scripts a second on six nodes.
const (
	scriptsPerNode = 5
	scriptsEvery   = 300 * time.Millisecond
)

// soak is what runs on the loaded machine, on one segment.
type soak struct {
	t        *testing.T
	net      *network
	clusters []*soaked
	pairs    []*soakedPair
	began    time.Time
	asked    time.Duration
	ended    time.Duration // how long it was
	broken   bool          // off, by a signal
}

// soaked is a cluster to which nothing is done: whatever moves is a false failover.
type soaked struct {
	*cluster
	profile string
	nodes   []*soakedNode
	watch   *vigil
	moves   []api.Move // since the load began
	last    time.Time  // the newest move that is known
}

// TestSoak: on a machine all of whose processors are busy, whose memory is written to all the
// time, and on which 100 scripts a second run, an owner of profile normal keeps its VIPs and its
// lease, for as long as it takes. How often one of profile fast loses them is counted.
//
// The load runs at the same priority as the daemons, in the same control group. The client that
// pings runs on the same processors: what it sees of silence is its own, too.
func TestSoak(t *testing.T) {
	if *soakDuration == 0 && *benchRecord == "" {
		return // make soak
	}
	if *soakDuration <= 0 {
		t.Fatalf("-soak %s: want a time longer than 0", *soakDuration)
	}
	lab.NeedNft(t)
	lab.NeedPeers(t)
	ctx, stop := signals.NotifyContext(t.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s := startSoak(t, *soakDuration)
	err := s.run(ctx)
	report := s.report()
	t.Logf("\n%s", report)
	if *benchRecord != "" {
		must(t, recordSoak(*benchRecord, report))
	}
	must(t, err)
	must(t, s.clusters[0].kept())
}

// kept is the error of a cluster that did not keep its VIPs, or whose owner's lease had ended
// while it held them.
func (x *soaked) kept() error {
	moves, lapses := x.falseFailovers(), x.grown("perch_cluster_lease_lapses_total")
	if moves > 0 || lapses > 0 {
		return fmt.Errorf("profile %s: %d false failovers and %.0f leases that lapsed, want none of either", x.profile, moves, lapses)
	}
	return nil
}

// startSoak starts two clusters and two pairs of routers, and waits until each has settled.
func startSoak(t *testing.T, asked time.Duration) *soak {
	t.Helper()
	s := &soak{t: t, net: newNetwork(t), asked: asked}
	for i, profile := range []string{"normal", "fast"} {
		var hosts []*lab.Host
		for n := range 3 {
			hosts = append(hosts, s.net.addHost(t, fmt.Sprintf("%s%d", profile, n+1)))
		}
		address := fmt.Sprintf("198.18.0.%d/24", 200+i)
		c := newClusterOn(t, s.net, hosts, failover(profile), named(profile, "a-secret-for-the-soak-0123456789-"+profile), vips("eth0", address))
		x := &soaked{cluster: c, profile: profile}
		for _, n := range c.Nodes {
			must(t, busyConfig(n))
			withPriority(n, c.Spec.Binary, *soakPriority)
			x.nodes = append(x.nodes, &soakedNode{name: profile + "/" + n.Name, daemon: &n.Daemon})
		}
		must(t, c.StartAll())
		s.clusters = append(s.clusters, x)
	}
	for _, x := range s.clusters {
		x.settled()
	}
	for i, kinds := range [][2]rival{{rivals[0], rivals[1]}, {rivals[1], rivals[0]}} {
		s.pairs = append(s.pairs, startPair(t, s.net, 51+i, kinds))
	}
	return s
}

// busyConfig gives a node scripts to run, which decide nothing, and a quieter log.
func busyConfig(n *lab.Node) error {
	text, err := os.ReadFile(n.ConfigFile())
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(strings.Replace(string(text), `log_level = "debug"`, `log_level = "info"`, 1))
	for i := range scriptsPerNode {
		fmt.Fprintf(&b, "\n[[check]]\nname = \"script%d\"\nkind = \"script\"\nargv = [\"/bin/true\"]\ninterval = %q\ntimeout = \"250ms\"\n", i, scriptsEvery)
	}
	return os.WriteFile(n.ConfigFile(), []byte(b.String()), 0o600)
}

// withPriority has a node run with a priority.
func withPriority(n *lab.Node, binary, priority string) {
	prefix := map[string][]string{"nice": {"nice", "-n", "-10"}, "rr": {"chrt", "-r", "1"}}[priority]
	if prefix == nil {
		return
	}
	args := append(prefix, binary, "serve", "-c", n.ConfigFile())
	n.Runs(func() *exec.Cmd { return exec.Command(args[0], args[1:]...) })
}

// run loads the machine until the time is over or ctx ends, and looks on.
func (s *soak) run(ctx context.Context) error {
	load, err := startLoad()
	if err != nil {
		return err
	}
	defer load.stop()
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	if err := s.begin(watching); err != nil {
		return err
	}
	tick := time.NewTicker(soakEvery)
	defer tick.Stop()
	over := time.NewTimer(s.asked)
	defer over.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			s.broken = true
		case <-over.C:
		case <-tick.C:
			err = s.look()
			continue
		}
		break
	}
	s.ended = time.Since(s.began)
	if last := s.look(); err == nil {
		err = last
	}
	stop()
	for _, x := range s.clusters {
		x.watch.wait()
	}
	for _, p := range s.pairs {
		p.watch.wait()
		p.count()
	}
	return err
}

// begin begins to look on, with the load already there.
func (s *soak) begin(ctx context.Context) (err error) {
	s.began = time.Now()
	for _, x := range s.clusters {
		x.last = s.began
		if x.watch, err = watch(ctx, s.net.client, x.Spec.VIPs[0].Address.Addr()); err != nil {
			return err
		}
	}
	for _, p := range s.pairs {
		if err := p.begin(ctx, s.net.client); err != nil {
			return err
		}
	}
	return s.look()
}

// look reads what all nodes tell. A daemon that has ended ends the soak.
func (s *soak) look() error {
	for _, x := range s.clusters {
		for _, n := range x.nodes {
			if err := n.look(s.t); err != nil {
				return err
			}
		}
		if err := x.history(); err != nil {
			s.t.Logf("history of %s: %v", x.profile, err) // the machine is busy
		}
	}
	for _, p := range s.pairs {
		if err := p.perch.look(s.t); err != nil {
			return err
		}
	}
	return nil
}

// history notes the moves since the last look.
func (x *soaked) history() error {
	ctx, cancel := x.limit()
	defer cancel()
	moves, err := x.Nodes[0].History(ctx)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if m.Time.After(x.last) {
			x.moves, x.last = append(x.moves, m), m.Time
			x.t.Logf("%s: the VIPs moved at %s from %s to %s: %s", x.profile, m.Time.Format(time.TimeOnly), m.From, m.To, m.Reason)
		}
	}
	return nil
}

// falseFailovers counts the times that a node took the VIPs. Each follows on their loss by an
// owner that was alive and connected, which may have been itself.
func (x *soaked) falseFailovers() int { return int(x.grown("perch_cluster_takeovers_total")) }

// grown adds up by how much a counter of all nodes has grown.
func (x *soaked) grown(name string) (sum float64) {
	for _, n := range x.nodes {
		sum += n.grown(name)
	}
	return sum
}

// soakedPair is a master and a backup of different kinds, whose virtual router never changes
// hands while the master's adverts come in time.
type soakedPair struct {
	name   string
	perch  *soakedNode // of the two
	backup *lab.Daemon
	router virtualRouter
	watch  *vigil
	tally  *lab.Tally
	beaten int // adverts of the backup: at least one each time that it took over
}

// soakInterval is that of the pairs' adverts.
const soakInterval = 100 * time.Millisecond

func startPair(t *testing.T, n *network, vrid int, kinds [2]rival) *soakedPair {
	t.Helper()
	name := fmt.Sprintf("%s master, %s backup", kinds[0].name, kinds[1].name)
	p := &soakedPair{name: name, router: many(vrid, 1)[vrid-1]}
	p.router.address = netip.MustParsePrefix(fmt.Sprintf("198.18.0.%d/24", 170+vrid))
	var daemons [2]*lab.Daemon
	for i, kind := range kinds {
		h := n.addHost(t, fmt.Sprintf("vrid%d-%d", vrid, i+1))
		priority := [2]int{masterPriority, backupPriority}[i]
		daemons[i] = kind.start(t, h, filepath.Join(tempDir(t), "node"), setting{[]virtualRouter{p.router}, soakInterval}, priority)
		if kind.name == "perch" {
			p.perch = &soakedNode{name: "vrrp/" + h.Name, daemon: daemons[i]}
		}
		if i == 0 {
			p.await(t, h)
		}
	}
	p.backup = daemons[1]
	return p
}

// await waits until a host has the address.
func (p *soakedPair) await(t *testing.T, h *lab.Host) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		has, err := h.Has(p.router.address.Addr())
		must(t, err)
		if has {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: the master does not take %s", p.name, p.router.address)
		}
	}
}

func (p *soakedPair) begin(ctx context.Context, client *lab.Host) (err error) {
	if p.watch, err = watch(ctx, client, p.router.address.Addr()); err != nil {
		return err
	}
	p.tally, err = p.backup.Host.Eth0.Tally()
	return err
}

// count ends the tally of the backup's adverts.
func (p *soakedPair) count() {
	var err error
	if p.beaten, err = p.tally.Count(); err != nil {
		p.beaten = -1
	}
	_ = p.tally.Close()
}
