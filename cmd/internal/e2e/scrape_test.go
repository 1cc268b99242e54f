package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Where the files for Prometheus and Grafana are.
const (
	rulesFolder   = "../../../deploy/prometheus"
	dashboardFile = "../../../deploy/grafana/perch.json"
)

// promtool runs promtool(1) in a folder, on an input.
func promtool(t *testing.T, folder, input string, args ...string) {
	t.Helper()
	lab.NeedPromtool(t)
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir, cmd.Stdin = folder, strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, &out)
	}
}

// The alerts are rules that Prometheus takes, and each comes when it is to.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, rulesFolder, "", "check", "rules", "perch.rules.yml")
	promtool(t, rulesFolder, "", "test", "rules", "perch.rules.test.yml")
	rules, err := os.ReadFile(filepath.Join(rulesFolder, "perch.rules.yml"))
	must(t, err)
	tests, err := os.ReadFile(filepath.Join(rulesFolder, "perch.rules.test.yml"))
	must(t, err)
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		if !regexp.MustCompile(`alertname: ` + string(m[1]) + `\n\s+exp_alerts:`).Match(tests) {
			t.Errorf("no test has %s come", m[1])
		}
	}
}

// observed is what a cluster has that is to be seen in metrics.
const observed = `
[[check]]
name = "up"
kind = "interface"
target = "eth0"
interval = "100ms"

[[notify]]
on = ["owner", "standby"]
exec = ["/bin/true"]
user = "root"

[[notify]]
converge = ["/bin/true"]
user = "root"

[[service]]
name = "web"
address = "198.18.0.100:80"
server = [{address = "198.18.0.99:80", check = []}]
`

// newObserved writes the files of a cluster that has some of everything.
func newObserved(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, newNetwork(t), vips("eth0", besideVIP+"/24"))
	for i, n := range c.Nodes {
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		text = append(text, router("gw", 51, 200-50*i, besideRouter+"/24")+observed...)
		c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
	}
	return c
}

// needsMore are metrics that need BGP, anycast, a chronyd, a second move, or IPVS in the
// kernel: a test of package web sees to their names.
var needsMore = regexp.MustCompile(`^perch_(bgp|anycast|clock)_|^perch_cluster_last_move_outage_|^perch_service_.*_total$|^perch_server_(.*_connections|.*_total|weight)$`)

// Prometheus takes what a node says, all that alerts, dashboard and documentation name is
// there, and it follows what happens.
func TestScrapeOfACluster(t *testing.T) {
	t.Parallel()
	c := newObserved(t)
	c.must(c.StartAll())
	old := c.settled()
	c.scrapes(old, "perch_cluster_owner 1", `perch_vip_held{address="`+besideVIP+`/24",interface="eth0"} 1`,
		`perch_check_healthy{check="up",kind="interface"} 1`,
		`perch_converge_state{about="cluster",hook="/bin/true",name="edge",state="converged"} 1`)
	text, err := metricsOf(t, old.Host)
	c.must(err)
	promtool(t, ".", text, "check", "metrics")
	hasAllThatIsNamed(t, text)
}

// scrapes waits until the metrics of a node have these lines.
func (c *cluster) scrapes(n *lab.Node, lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		c.eventuallySays("the metrics of "+n.Name+" have "+line, func() bool {
			text, err := metricsOf(c.t, n.Host)
			return err == nil && strings.Contains(text, "\n"+line+"\n")
		})
	}
}

func hasAllThatIsNamed(t *testing.T, scrape string) {
	t.Helper()
	for _, file := range []string{filepath.Join(rulesFolder, "perch.rules.yml"), dashboardFile, "../../../docs/metrics.md"} {
		text, err := os.ReadFile(file)
		must(t, err)
		names := regexp.MustCompile(`\b(perch|go|process)_[a-z0-9_]*[a-z0-9]`).FindAllString(string(text), -1)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			there := strings.Contains(scrape, "\n"+name+"{") || strings.Contains(scrape, "\n"+name+" ")
			histogram := strings.Contains(scrape, "# TYPE "+name+" histogram")
			if !there && !histogram && !needsMore.MatchString(name) {
				t.Errorf("%s names %s, which is not in the scrape", file, name)
			}
		}
	}
}

// probe is what a node tells a probe.
func (c *cluster) probe(n *lab.Node, path string) (code int, text string) {
	c.t.Helper()
	code, text, err := pageOf(c.t, n.Host, path)
	c.must(err)
	return code, text
}

// readyIs waits until a node answers probes as ready, or with a line that begins so.
func (c *cluster) readyIs(n *lab.Node, line string) {
	c.t.Helper()
	want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[line == "ready\n"]
	c.eventuallySays(n.Name+" answers /readyz with "+line, func() bool {
		code, text, err := pageOf(c.t, n.Host, "/readyz")
		return err == nil && code == want && strings.HasPrefix("\n"+text, "\n"+line)
	})
	if code, text := c.probe(n, "/healthz"); code != http.StatusOK || text != "alive\n" {
		c.t.Errorf("%s answers /healthz with %d %q", n.Name, code, text)
	}
}

// A move is counted, and nodes are ready as long as they could own.
func TestProbesOfACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.must(c.StartAll())
	old := c.settled()
	for _, n := range c.Nodes {
		c.readyIs(n, "ready\n")
	}
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer") })
	c.scrapes(old, "perch_cluster_owner 0", `perch_cluster_transfers_total{reason="asked",result="done"} 1`)
	c.scrapes(next, "perch_cluster_owner 1", "perch_cluster_takeovers_total 1", "perch_node_ready 1")

	c.perch(old, "drain")
	c.readyIs(old, "cluster: this node is drained\n")
	c.scrapes(old, "perch_cluster_drained 1", "perch_node_ready 0")
	c.perch(old, "undrain")
	c.readyIs(old, "ready\n")

	text, err := os.ReadFile(old.ConfigFile())
	c.must(err)
	c.must(os.WriteFile(old.ConfigFile(), append(text, "\nnonsense = 1\n"...), 0o600))
	_ = c.refused(old, "reload")
	c.scrapes(old, "perch_config_last_reload_success 0", `perch_config_reloads_total{result="refused"} 1`)
	c.readyIs(old, "ready\n")
	c.must(os.WriteFile(old.ConfigFile(), text, 0o600))
	c.perch(old, "reload")
	c.scrapes(old, "perch_config_last_reload_success 1", `perch_config_reloads_total{result="applied"} 1`)

	for _, n := range c.others(old) {
		c.must(n.Kill())
	}
	c.readyIs(old, "cluster: no majority stands behind a leader that this node knows of\n")
	c.scrapes(old, "perch_cluster_quorum 0", "perch_cluster_lease_remaining_seconds 0", `perch_peer_reachable{peer="`+next.Name+`"} 0`)
}
