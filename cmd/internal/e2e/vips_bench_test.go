package e2e

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var benchVIPs = flag.Int("vips", 5000, "how many VIPs are taken over")

const vipsRecordBegin = "<!-- figures of make bench-vips -->\n"

// takerFigures are those of one rival and family.
type takerFigures struct {
	family                            string
	first, delay, last, span, silence figure
	lapses                            int
}

func newTakerFigures(who, family string) *takerFigures {
	name := func(what string) figure { return figure{name: family + ", " + what + ", " + who} }
	return &takerFigures{
		family: family,
		first:  name("first announcement after the first address"), delay: name("announcement after its address"),
		last: name("last announcement after the first address"), span: name("last address after the first"),
		silence: name("between two words to a peer, the longest of a round"),
	}
}

func (f *takerFigures) all() []*figure {
	return []*figure{&f.first, &f.delay, &f.last, &f.span, &f.silence}
}

func (f *takerFigures) add(tb testing.TB, t taking, err error) {
	tb.Helper()
	f.first.add(tb, t.first, err)
	f.last.add(tb, t.last, err)
	f.span.add(tb, t.span, err)
	f.silence.add(tb, t.silence, err)
	if err == nil {
		f.delay.samples = append(f.delay.samples, t.delays...)
		f.lapses += t.lapses
	}
}

// taker takes many VIPs over from a host that is killed, in a lab of its own.
type taker struct {
	name string
	take func(b *testing.B, vips []netip.Prefix) (taking, error)
}

// BenchmarkVIPs compares take-overs of many VIPs, in alternating rounds, and prints, or with
// -record writes, a table.
func BenchmarkVIPs(b *testing.B) {
	lab.NeedRoot(b)
	lab.NeedPeers(b)
	takers := []taker{{"perch", perchTakes}, {"keepalived", keepalivedTakes}}
	var families [][]*takerFigures
	var rows [][]string
	defer func() { keepRows(b, "vips", takingHeader(), rows) }()
	for _, part := range []struct {
		family string
		vips   []netip.Prefix
		rounds int
	}{
		{"IPv4", vipsFrom(*benchVIPs, netip.MustParseAddr("198.19.0.1")), *benchRounds},
		{"IPv6", vipsFrom(*benchVIPs, netip.MustParseAddr("2001:db8:19::1")), 1},
	} {
		both := []*takerFigures{newTakerFigures("perch", part.family), newTakerFigures("keepalived", part.family)}
		for round := range part.rounds {
			for i, taker := range takers {
				t, err := taker.take(b, part.vips)
				both[i].add(b, t, err)
				if err == nil {
					rows = append(rows, takingRow(part.family, taker.name, round+1, t))
					b.Logf("%v", rows[len(rows)-1])
				}
			}
		}
		families = append(families, both)
	}
	report := vipsReport(b, families)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, vipsRecordBegin, report))
	}
}

func takingHeader() []string {
	return []string{
		"family", "program", "round", "first_ms", "delay_median_ms", "delay_p99_ms", "delay_longest_ms",
		"last_ms", "addresses_ms", "silence_ms", "leases_lapsed",
	}
}

func takingRow(family, name string, round int, t taking) []string {
	delays := figure{samples: t.delays}
	row := []string{family, name, strconv.Itoa(round)}
	for _, d := range []time.Duration{t.first, delays.quantile(0.5), delays.quantile(0.99), delays.quantile(1), t.last, t.span, t.silence} {
		row = append(row, short(d.Seconds()*1000))
	}
	return append(row, strconv.Itoa(t.lapses))
}

func vipsReport(tb testing.TB, families [][]*takerFigures) string {
	tb.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s: %s; keepalived %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb), keepalivedVersion(tb))
	fmt.Fprintf(&b, "| %d VIPs | samples | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n", *benchVIPs)
	for _, both := range families {
		for i, f := range both[0].all() {
			other := both[1].all()[i]
			b.WriteString(f.row() + "\n")
			if i == 4 { // keepalived has no peers to talk to but by its adverts
				continue
			}
			b.WriteString(other.row() + "\n")
			if median := other.quantile(0.5); median > 0 {
				fmt.Fprintf(&b, "| ratio of the medians | | | %.3f | | |\n", float64(f.quantile(0.5))/float64(median))
			}
		}
	}
	for _, both := range families {
		fmt.Fprintf(&b, "\nLeases of perch that lapsed, %s: %d in %d rounds.\n", both[0].family, both[0].lapses, len(both[0].first.samples))
	}
	return b.String()
}

// vipsFrom are n addresses from the first on, each a network of its own.
func vipsFrom(n int, first netip.Addr) (vips []netip.Prefix) {
	for addr := first; len(vips) < n; addr = addr.Next() {
		vips = append(vips, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return vips
}

func addrsOf(vips []netip.Prefix) (addrs []netip.Addr) {
	for _, v := range vips {
		addrs = append(addrs, v.Addr())
	}
	return addrs
}

// takersLab is a lab with so many hosts on a switch.
func takersLab(b *testing.B, names ...string) (hosts []*lab.Host, end func()) {
	b.Helper()
	l, err := lab.New()
	must(b, err)
	end = sync.OnceFunc(func() { must(b, l.Close()) })
	b.Cleanup(end)
	sw, err := l.AddSwitch()
	must(b, err)
	for _, name := range names {
		h, err := l.AddHost(name, sw)
		must(b, err)
		hosts = append(hosts, h)
	}
	return hosts, end
}

// holdsAll waits until a host has so many addresses more than its own few.
func holdsAll(h *lab.Host, n int, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if addrs, err := h.Addresses(); err == nil && len(addrs) >= n {
			return true
		}
	}
	return false
}

const takingLimit = 90 * time.Second

var errNotTaken = errors.New("not all addresses were added and announced in time")

// perchTakes kills the owner of a cluster of three.
func perchTakes(b *testing.B, vips []netip.Prefix) (taking, error) {
	hosts, end := takersLab(b, "lb1", "lb2", "lb3")
	defer end()
	spec := lab.ClusterSpec{
		Binary: perchBinary(b), Dir: tempDir(b), Name: "many", Secret: "a-secret-for-tests-only-0123456789", Failover: "fast",
	}
	for _, v := range vips {
		spec.VIPs = append(spec.VIPs, lab.VIP{Address: v, Interface: "eth0"})
	}
	c, err := lab.NewCluster(spec, hosts...)
	must(b, err)
	must(b, c.StartAll())
	owner := holderOfAll(c, takingLimit)
	if owner == nil {
		return taking{}, errors.New("the first owner does not get all")
	}
	time.Sleep(calm) // the others catch up, and the repeats of the announcements are over
	var witnesses []*takingWitness
	before := map[*lab.Node]int{}
	for _, n := range c.Nodes {
		if n != owner {
			before[n], err = lapses(n)
			must(b, err)
			witnesses = append(witnesses, witness(b, n.Host))
		}
	}
	must(b, owner.Kill())
	heir, err := heirOf(c, owner)
	if err != nil {
		return taking{}, err
	}
	for _, w := range witnesses {
		defer w.close()
	}
	for _, w := range witnesses {
		if w.host != heir.Host {
			continue
		}
		t, ok := w.taken(addrsOf(vips), takingLimit)
		if !ok {
			return taking{}, errNotTaken
		}
		after, err := lapses(heir)
		t.lapses = after - before[heir]
		return t, err
	}
	return taking{}, errNotTaken
}

// holderOfAll waits until a node holds all VIPs, and returns nil if none ever does.
func holderOfAll(c *lab.Cluster, within time.Duration) *lab.Node {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		for _, n := range c.Nodes {
			if addrs, err := n.Host.Addresses(); err == nil && len(addrs) >= len(c.Spec.VIPs) {
				return n
			}
		}
	}
	return nil
}

// heirOf waits until another node than the owner has some of the VIPs.
func heirOf(c *lab.Cluster, owner *lab.Node) (*lab.Node, error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, n := range c.Nodes {
			if n == owner {
				continue
			}
			if has, err := n.Host.Has(c.Spec.VIPs[0].Address.Addr()); err == nil && has {
				return n, nil
			}
		}
	}
	return nil, errors.New("nobody takes over")
}

// lapses is how many leases of a node have ended while it held the VIPs, since it began.
func lapses(n *lab.Node) (int, error) {
	text, err := fetchText(overHost(n.Host), "http://127.0.0.1:7401/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(text, "\nperch_cluster_lease_lapses_total ")
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(value)
}

// keepalivedTakes kills the master of two.
func keepalivedTakes(b *testing.B, vips []netip.Prefix) (taking, error) {
	hosts, end := takersLab(b, "lb1", "lb2")
	defer end()
	dir := tempDir(b)
	var nodes []*lab.Daemon
	for i, h := range hosts {
		d, err := lab.NewKeepalived(h, filepath.Join(dir, h.Name), keepalivedOfMany(vips, 254-4*i))
		must(b, err)
		must(b, d.Start())
		nodes = append(nodes, d)
		if i == 0 && !holdsAll(h, len(vips), takingLimit) {
			return taking{}, errors.New("the first master does not get all")
		}
	}
	time.Sleep(calm)
	w := witness(b, hosts[1])
	defer w.close()
	must(b, nodes[0].Kill())
	t, ok := w.taken(addrsOf(vips), takingLimit)
	if !ok {
		return taking{}, errNotTaken
	}
	return t, nil
}

// keepalivedOfMany is one virtual router with all addresses. An advert has no room for them.
func keepalivedOfMany(vips []netip.Prefix, priority int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance many {\n\tversion 3\n\tstate BACKUP\n\tinterface eth0\n\tvirtual_router_id 51\n\tpriority %d\n\tadvert_int 0.1\n", priority)
	first := "198.18.0.100/24"
	if vips[0].Addr().Is6() {
		first = "fe80::100/64"
	}
	fmt.Fprintf(&b, "\tvirtual_ipaddress {\n\t\t%s\n\t}\n\tvirtual_ipaddress_excluded {\n", first)
	for _, v := range vips {
		fmt.Fprintf(&b, "\t\t%s\n", v)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}
