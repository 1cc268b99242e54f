package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const soakBegin = "<!-- figures of make soak -->\n"

// report renders what came of it as Markdown.
func (s *soak) report() string {
	var b strings.Builder
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	must(s.t, err)
	how := "It ended as planned"
	if s.broken {
		how = "It was broken off"
	} else if s.ended < s.asked {
		how = "A failure ended it"
	}
	fmt.Fprintf(&b, "Run on %s, commit %s: %s.\n\n", s.began.UTC().Format(time.DateOnly), strings.TrimSpace(string(commit)), machineName(s.t))
	fmt.Fprintf(&b, "%s after %s of %s. The nodes ran %.0f scripts a second.", how, s.ended.Round(time.Second), s.asked, s.scripts())
	if *soakPriority != "" {
		fmt.Fprintf(&b, " The clusters' daemons ran with the priority %s.", *soakPriority)
	}
	b.WriteString("\n\n| cluster | false failovers | an hour | moves to another node | elections won | leases that lapsed | least left of a lease ms | heartbeats late by more than 10 ms | the latest ms | longest silence, median of each minute ms | of all ms | client paused ms |\n" +
		strings.Repeat("|---", 12) + "|\n")
	for _, x := range s.clusters {
		b.WriteString(x.row(s.ended) + "\n")
	}
	fmt.Fprintf(&b, "\n| pair of routers, adverts each %s | adverts of the backup | state changes of perch's | longest silence, median of each minute ms | of all ms | client paused ms |\n"+strings.Repeat("|---", 6)+"|\n", soakInterval)
	for _, p := range s.pairs {
		fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %s | %s |\n", p.name, p.beaten, p.perch.grown("perch_vrrp_transitions_total"),
			ms(p.watch.gaps.quantile(0.5)), ms(p.watch.gaps.quantile(1)), ms(p.watch.paused))
	}
	b.WriteString("\n| node | collections a minute | longest pause ms | heap in use at the start MB | at the end | at most | resident at the start MB | at the end | CPU |\n" +
		strings.Repeat("|---", 9) + "|\n")
	for _, n := range s.nodes() {
		b.WriteString(n.row(s.ended) + "\n")
	}
	return b.String()
}

func (s *soak) nodes() (all []*soakedNode) {
	for _, x := range s.clusters {
		all = append(all, x.nodes...)
	}
	for _, p := range s.pairs {
		all = append(all, p.perch)
	}
	return all
}

// scripts returns how many were run a second.
func (s *soak) scripts() (rate float64) {
	for _, x := range s.clusters {
		rate += x.grown("perch_check_results_total") / s.ended.Seconds()
	}
	return rate
}

func (x *soaked) row(during time.Duration) string {
	const late = "perch_cluster_heartbeat_lateness_seconds"
	least, latest := 0.0, 0.0
	for _, n := range x.nodes {
		if left := n.last["perch_cluster_lease_least_remaining_seconds"]; left > 0 && (least == 0 || left < least) {
			least = left
		}
		latest = max(latest, n.last["perch_cluster_heartbeat_lateness_longest_seconds"])
	}
	beats := x.grown(late + "_count")
	share := 0.0
	if beats > 0 {
		share = 1 - x.grownOf(late+`_bucket{le="0.01"}`)/beats
	}
	return fmt.Sprintf("| %s | %d | %.2f | %d | %.0f | %.0f | %.1f | %.3f %% | %.1f | %s | %s | %s |", x.profile, x.falseFailovers(),
		float64(x.falseFailovers())/during.Hours(), x.moved(), x.grown("perch_cluster_elections_won_total"), x.grown("perch_cluster_lease_lapses_total"),
		1000*least, 100*share, 1000*latest, ms(x.watch.gaps.quantile(0.5)), ms(x.watch.gaps.quantile(1)), ms(x.watch.paused))
}

// moved counts the moves to another node.
func (x *soaked) moved() (n int) {
	for _, m := range x.moves {
		if m.From != m.To {
			n++
		}
	}
	return n
}

// grownOf adds up by how much one series of all nodes has grown.
func (x *soaked) grownOf(series string) (sum float64) {
	for _, n := range x.nodes {
		sum += n.last[series] - n.first[series]
	}
	return sum
}

func (n *soakedNode) row(during time.Duration) string {
	const mb = 1 << 20
	return fmt.Sprintf("| %s | %.1f | %.2f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f %% |", n.name,
		n.grown("go_gc_duration_seconds_count")/during.Minutes(), 1000*n.longestGC,
		n.first["go_memstats_heap_inuse_bytes"]/mb, n.last["go_memstats_heap_inuse_bytes"]/mb, n.mostHeap/mb,
		n.resident[0]/mb, n.resident[1]/mb, 100*n.grown("process_cpu_seconds_total")/during.Seconds())
}

func recordSoak(path, report string) error { return record(path, soakBegin, report) }

func TestSoakRow(t *testing.T) {
	const late = "perch_cluster_heartbeat_lateness_seconds"
	x := &soaked{profile: "fast", watch: &vigil{gaps: figure{samples: []time.Duration{time.Millisecond, 80 * time.Millisecond}}, paused: 3 * time.Millisecond}}
	x.nodes = []*soakedNode{
		{
			first: scrape{"perch_cluster_takeovers_total": 1, late + "_count": 100, late + `_bucket{le="0.01"}`: 100},
			last: scrape{
				"perch_cluster_takeovers_total": 2, late + "_count": 300, late + `_bucket{le="0.01"}`: 299,
				"perch_cluster_lease_least_remaining_seconds": 0.004, "perch_cluster_heartbeat_lateness_longest_seconds": 0.05, "perch_cluster_lease_lapses_total": 2,
			},
		},
		{first: scrape{}, last: scrape{"perch_cluster_takeovers_total": 1, "perch_cluster_elections_won_total": 1, "perch_cluster_lease_least_remaining_seconds": 0.02}},
	}
	const want = "| fast | 2 | 4.00 | 0 | 1 | 2 | 4.0 | 0.500 % | 50.0 | 1.0 | 80.0 | 3.0 |"
	if got := x.row(30 * time.Minute); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSoakWantsLeasesThatLast(t *testing.T) {
	for name, want := range map[string]bool{"perch_cluster_takeovers_total": false, "perch_cluster_lease_lapses_total": false, "perch_cluster_elections_won_total": true} {
		x := &soaked{profile: "normal", nodes: []*soakedNode{{first: scrape{name: 3}, last: scrape{name: 4}}, {first: scrape{name: 2}, last: scrape{name: 2}}}}
		if err := x.kept(); (err == nil) != want {
			t.Errorf("%s has grown: %v", name, err)
		}
	}
}
