package e2e

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var benchMost = flag.Int("most", 10000, "of how many things at most the growth is measured")

// BenchmarkGrowth measures what idle nodes use and how long a failover takes, against the number
// of nodes, VIPs, virtual routers and checks, and prints, or with -record writes, tables.
func BenchmarkGrowth(b *testing.B) {
	var all []*growth
	keep := func() {
		var rows [][]string
		for _, g := range all {
			rows = append(rows, g.rows()...)
		}
		keepRows(b, "growth", growthHeader, rows)
	}
	defer keep()
	columns := []string{"owner, CPU ms/s", "others, CPU ms/s", "owner, MB", "others, MB", "failover, median ms"}
	for _, k := range []struct {
		what  string
		sizes []int
		grow  func(b *testing.B, size int) []float64
	}{
		{"nodes", []int{3, 5, 7}, func(b *testing.B, n int) []float64 { return ofCluster(b, n, "") }},
		{"VIPs", []int{1, 100, 1000, 5000}, ofVIPs},
		{"virtual routers at 0.1 s, of two nodes", []int{1, 10, 100, 1000}, ofRouters},
		{"checks by TCP each 10 s", []int{10, 100, 1000, 10000}, ofChecks},
	} {
		g := &growth{what: k.what, columns: columns}
		all = append(all, g)
		for _, size := range k.sizes {
			if size > *benchMost {
				break
			}
			b.Run(fmt.Sprintf("%s/%d", k.what, size), func(b *testing.B) { g.add(size, k.grow(b, size)...) })
			keep()
		}
	}
	report := growthReport(b, all)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, growthRecordBegin, report))
	}
}

const growthRecordBegin = "<!-- figures of make bench-growth -->\n"

func growthReport(tb testing.TB, all []*growth) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s; %d failovers each.\n", time.Now().UTC().Format(time.DateOnly), machineName(tb), *benchRounds)
	for _, g := range all {
		b.WriteString("\n" + g.table())
	}
	return b.String()
}

// prepareNodes writes the files of a cluster of so many nodes in profile fast, of which each has
// some tables more, and starts none.
func prepareNodes(b *testing.B, nodes int, heartbeat time.Duration, tables string, vips ...netip.Prefix) *bench {
	b.Helper()
	lab.NeedRoot(b)
	l, err := lab.New()
	must(b, err)
	end := sync.OnceFunc(func() { must(b, l.Close()) })
	b.Cleanup(end)
	sw, err := l.AddSwitch()
	must(b, err)
	var hosts []*lab.Host
	for i := range nodes {
		h, err := l.AddHost(fmt.Sprintf("lb%d", i+1), sw)
		must(b, err)
		hosts = append(hosts, h)
	}
	client, err := l.AddHost("client", sw)
	must(b, err)
	spec := lab.ClusterSpec{
		Binary: perchBinary(b), Dir: tempDir(b), Name: "bench", Secret: "a-secret-for-tests-only-0123456789", Heartbeat: heartbeat,
	}
	for _, vip := range vips {
		spec.VIPs = append(spec.VIPs, lab.VIP{Address: vip, Interface: "eth0"})
	}
	c, err := lab.NewCluster(spec, hosts...)
	must(b, err)
	for _, n := range c.Nodes {
		addTables(b, n, tables)
		setKey(b, n, "preempt = false")
	}
	return &bench{Cluster: c, b: b, client: client, vip: vips[len(vips)-1].Addr(), end: end}
}

// ofCluster measures a cluster of so many nodes with one VIP.
func ofCluster(b *testing.B, nodes int, tables string) []float64 {
	b.Helper()
	x := prepareNodes(b, nodes, benchHeartbeat, tables, netip.MustParsePrefix("198.18.0.100/24"))
	must(b, x.StartAll())
	return x.grown()
}

// ofVIPs measures three nodes with so many VIPs, of which the last one is pinged.
func ofVIPs(b *testing.B, n int) []float64 {
	b.Helper()
	x := prepareNodes(b, 3, benchHeartbeat, "", manyVIPs(n)...)
	must(b, onLink(x.client, netip.MustParsePrefix("198.19.0.0/16")))
	must(b, x.StartAll())
	return x.grown()
}

// onLink has a host find the addresses of a network on its eth0.
func onLink(h *lab.Host, network netip.Prefix) error {
	return h.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		to := &net.IPNet{IP: network.Addr().AsSlice(), Mask: net.CIDRMask(network.Bits(), network.Addr().BitLen())}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: to, Scope: netlink.SCOPE_LINK})
	})
}

func manyVIPs(n int) (vips []netip.Prefix) {
	for i := range n {
		vips = append(vips, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(1 + i%250)}), 32))
	}
	return vips
}

// ofChecks measures three nodes with so many checks each, of a port of their own.
func ofChecks(b *testing.B, n int) []float64 {
	b.Helper()
	var tables strings.Builder
	for i := range n {
		fmt.Fprintf(&tables, "\n[[check]]\nname = \"c%d\"\nkind = \"tcp\"\ntarget = \"127.0.0.1:9000\"\ninterval = \"10s\"\ntimeout = \"2s\"\n", i)
	}
	x := prepareNodes(b, 3, benchHeartbeat, tables.String(), netip.MustParsePrefix("198.18.0.100/24"))
	for _, node := range x.Nodes {
		welcome(b, node.Host, 9000)
	}
	must(b, x.StartAll())
	return x.grown()
}

// welcome accepts whoever connects to a port of the host, and closes at once, until the benchmark
// ends.
func welcome(b *testing.B, h *lab.Host, port int) {
	b.Helper()
	var listener net.Listener
	must(b, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	}))
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_ = conn.Close()
			}
		}
	})
	b.Cleanup(func() {
		must(b, listener.Close())
		ended.Wait()
	})
}

// grown measures a cluster: idle, then failovers by a cut link.
func (x *bench) grown() []float64 {
	x.b.Helper()
	defer x.end()
	owner := x.settled()
	x.ping() // until it answers, the last of the VIPs may not be there
	x.answered(time.Now())
	must(x.b, x.pinger.Close())
	var others []*lab.Daemon
	for _, n := range x.Nodes {
		if n != owner {
			others = append(others, &n.Daemon)
		}
	}
	values := idleAndMemory(x.b, &owner.Daemon, others...)
	x.ping()
	cut := kinds(*benchRounds, *benchRounds)[0]
	f := x.measure(cut)
	must(x.b, x.pinger.Close())
	return append(values, f.quantile(0.5).Seconds()*1000)
}

// idleAndMemory measures what daemons use while nothing happens: CPU in ms a second and resident
// MB of one, and of others in the median.
func idleAndMemory(b *testing.B, one *lab.Daemon, others ...*lab.Daemon) []float64 {
	b.Helper()
	all := append([]*lab.Daemon{one}, others...)
	time.Sleep(calm)
	begin, before := time.Now(), make([]time.Duration, len(all))
	for i, d := range all {
		before[i] = taskTime(b, d.Process().PID())
	}
	time.Sleep(*benchDuring)
	var cpu, resident []float64
	for i, d := range all {
		used := taskTime(b, d.Process().PID()) - before[i]
		cpu = append(cpu, 1000*used.Seconds()/time.Since(begin).Seconds())
		resident = append(resident, residentMB(b, d))
	}
	median := func(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }
	return []float64{cpu[0], median(cpu[1:]), resident[0], median(resident[1:])}
}

// ofRouters measures a pair of nodes in VRRP mode, whose owner is the master of all.
func ofRouters(b *testing.B, n int) []float64 {
	b.Helper()
	routers := many(min(n, 250), (n+249)/250)
	p := newDuel(b, rivals[0], setting{routers, 100 * time.Millisecond})
	defer p.end()
	must(b, onLink(p.client, netip.MustParsePrefix("10.0.0.0/16")))
	values := idleAndMemory(b, p.master, p.backup)
	f := figure{name: "link of the master cut"}
	for round := range *benchRounds {
		gap, err := p.outage(disturbances[0], p.interval*time.Duration(round)/time.Duration(*benchRounds))
		f.add(b, gap, err)
	}
	return append(values, f.quantile(0.5).Seconds()*1000)
}
