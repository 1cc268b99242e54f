package e2e

import (
	"flag"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

var (
	benchDuring = flag.Duration("during", 10*time.Second, "for how long the CPU time of virtual routers is measured, and for how long their lateness")
	benchFlaps  = flag.Duration("flaps", 2*time.Minute, "for how long flaps of virtual routers are counted")
)

// calm is how long a pair has settled before it is measured: a new master announces its
// addresses once more after 5 s.
const calm = 8 * time.Second

// vrrpParts are what is measured of both rivals.
var vrrpParts = []struct {
	name string
	rows func(b *testing.B) []contest
}{
	{"outage", outages},
	{"crowds", crowdRows},
	{"flaps", flaps},
}

// BenchmarkVRRP compares perch with keepalived, and prints, or with -record writes,
// a table.
func BenchmarkVRRP(b *testing.B) {
	var rows []contest
	for _, part := range vrrpParts {
		b.Run(part.name, func(b *testing.B) { rows = append(rows, part.rows(b)...) })
		keepRows(b, "vrrp-programs", contestHeader, contestRows(rows, rivals[0].name, rivals[1].name))
	}
	report := vrrpReport(b, rows)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, vrrpRecordBegin, report))
	}
}

// outages has both rivals lose their masters, in alternating rounds. In each the same
// time has gone by since the last advert, so that neither is the luckier one.
func outages(b *testing.B) []contest {
	const interval = 100 * time.Millisecond
	s := setting{[]virtualRouter{{0, 51, netip.MustParsePrefix("198.18.0.100/24")}}, interval}
	var pairs [len(rivals)]*duel
	for i, r := range rivals {
		pairs[i] = newDuel(b, r, s)
	}
	var rows []contest
	var all []figure
	keep := func() { keepFigures(b, "vrrp", all) }
	defer keep()
	for _, d := range disturbances {
		var figures [len(rivals)]figure
		for round := range *benchRounds {
			for i, p := range pairs {
				gap, err := p.outage(d, interval*time.Duration(round)/time.Duration(*benchRounds))
				figures[i].name = p.name + ", " + d.name
				figures[i].add(b, gap, err)
			}
		}
		all = append(all, figures[:]...)
		keep()
		rows = append(rows, outageRows(d.name, figures)...)
	}
	for _, p := range pairs {
		p.end()
	}
	return rows
}

func outageRows(name string, figures [len(rivals)]figure) []contest {
	margin := "keepalived's"
	if name == disturbances[0].name {
		margin += " + 10 ms"
	}
	median := contest{what: "outage, " + name + ", median ms", limit: margin}
	longest := contest{what: fmt.Sprintf("the same, longest ms of %d and %d rounds", len(figures[0].samples), len(figures[1].samples))}
	for i, f := range figures {
		median.results[i] = f.quantile(0.5).Seconds() * 1000
		longest.results[i] = f.quantile(1).Seconds() * 1000
	}
	return []contest{median, longest}
}

// flaps counts the adverts of a backup whose master is well: each time that a virtual
// router takes over, it sends at least one.
func flaps(b *testing.B) []contest {
	backup := contest{what: fmt.Sprintf("200 at 0.02 s, adverts of the backup in %v", *benchFlaps), limit: "keepalived's; 0 if idle"}
	master := contest{what: "200 at 0.02 s, adverts of the master, 1/s"}
	for i, r := range rivals {
		p := newDuel(b, r, setting{many(200, 1), 20 * time.Millisecond})
		time.Sleep(calm)
		tallies := [2]*lab.Tally{tally(b, p.master), tally(b, p.backup)}
		time.Sleep(*benchFlaps)
		master.results[i] = float64(count(b, tallies[0])) / benchFlaps.Seconds()
		backup.results[i] = float64(count(b, tallies[1]))
		p.end()
	}
	return []contest{backup, master}
}

func tally(b *testing.B, d *lab.Daemon) *lab.Tally {
	b.Helper()
	t, err := d.Host.Eth0.Tally()
	must(b, err)
	return t
}

// count ends a tally.
func count(b *testing.B, t *lab.Tally) int {
	b.Helper()
	n, err := t.Count()
	must(b, err)
	must(b, t.Close())
	return n
}

// contest is one figure of each rival.
type contest struct {
	what    string
	results [len(rivals)]float64
	limit   string // of perch's; empty for none
}

func (c contest) row() string {
	ratio := math.NaN()
	if c.results[1] != 0 {
		ratio = c.results[0] / c.results[1]
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", c.what, decimals(c.results[0], 1), decimals(c.results[1], 1), decimals(ratio, 2), c.limit)
}

// decimals writes a figure, or that there is none.
func decimals(v float64, places int) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', places, 64)
}

const vrrpRecordBegin = "<!-- figures of make bench-vrrp -->\n"

// vrrpReport renders the section of VRRP mode.
func vrrpReport(tb testing.TB, rows []contest) string {
	tb.Helper()
	var b strings.Builder
	b.WriteString("## VRRP mode beside keepalived\n\n")
	b.WriteString("`make bench-vrrp` writes this section; it needs root and takes about 14 minutes. Two nodes of one kind and a client, version 3 over\n" +
		"IPv4, priorities 254 and 250, all else by default. Outages: one virtual router at 0.1 s, the longest time between two answers to a\n" +
		"client that pings each millisecond; rounds of both kinds in turn, at the same times between two adverts. CPU time and memory are\n" +
		"those of all processes of a node; 1,000 routers are on four interfaces. Lateness is the time between two adverts of a router,\n" +
		"less the interval, as the kernel notes them where they come in at the switch: of one that is late, and then on time again, the first\n" +
		"is late and the second is early (below 0). So it is the same for who keeps to a schedule, as perch does, and for who counts\n" +
		"from the last advert, and who sends early gains nothing in \"late or early\", which counts both. A router that has gone silent is late,\n" +
		"too; a run in which the kernel lost a note has no lateness (–). CPU time is taken while no notes are. A backup whose master is\n" +
		"well sends no adverts; each time that a virtual router flaps, it sends one or more.\n\n")
	fmt.Fprintf(&b, "Measured on %s: %s; keepalived %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(tb), keepalivedVersion(tb))
	b.WriteString("| | perch | keepalived | ratio | at most |\n|---|---|---|---|---|\n")
	for _, c := range rows {
		b.WriteString(c.row() + "\n")
	}
	return b.String()
}

func keepalivedVersion(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("keepalived", "--version").CombinedOutput()
	must(tb, err)
	found := regexp.MustCompile(`Keepalived v(\S+)`).FindStringSubmatch(string(out))
	if found == nil {
		tb.Fatalf("keepalived tells no version: %s", out)
	}
	return found[1]
}

func TestContest(t *testing.T) {
	tests := map[string]struct {
		contest contest
		want    string
	}{
		"ratio": {contest{"CPU", [2]float64{30, 40}, "keepalived's"}, "| CPU | 30.0 | 40.0 | 0.75 | keepalived's |"},
		"none":  {contest{"flaps", [2]float64{2, 0}, ""}, "| flaps | 2.0 | 0.0 | – |  |"},
		"lost":  {contest{"lateness", [2]float64{math.NaN(), 40}, ""}, "| lateness | – | 40.0 | – |  |"},
	}
	for name, tt := range tests {
		if got := tt.contest.row(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
