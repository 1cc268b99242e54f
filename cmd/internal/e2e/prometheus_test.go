package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// prometheus is a Prometheus that scrapes a cluster, with the alerts that perch has.
type prometheus struct {
	t      *testing.T
	client http.Client
}

// watchedAt is where it answers, on its own host.
var watchedAt = netip.MustParseAddrPort("127.0.0.1:9090")

// listens lets others ask the nodes for their metrics, from their next start on.
func (c *cluster) listens() {
	c.t.Helper()
	for _, n := range c.Nodes {
		text, err := os.ReadFile(n.ConfigFile())
		c.must(err)
		text = bytes.Replace(text, []byte("[node]\n"), []byte("[node]\nlisten = \"0.0.0.0:7401\"\n"), 1)
		c.must(os.WriteFile(n.ConfigFile(), text, 0o600))
	}
}

// startPrometheus starts one on a host beside the cluster.
func startPrometheus(c *cluster) *prometheus {
	c.t.Helper()
	lab.NeedPromtool(c.t)
	rules, err := filepath.Abs(filepath.Join(rulesFolder, "perch.rules.yml"))
	c.must(err)
	var targets []string
	for _, n := range c.Nodes {
		targets = append(targets, fmt.Sprintf("%q", netip.AddrPortFrom(n.Address().Addr(), 7401)))
	}
	dir := c.net.tempDir(c.t)
	file := filepath.Join(dir, "prometheus.yml")
	c.must(os.WriteFile(file, fmt.Appendf(nil, `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs:
  - job_name: perch
    static_configs: [{targets: [%s]}]
`, rules, strings.Join(targets, ", ")), 0o600))
	h := c.net.addHost(c.t, "watcher")
	cmd := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+watchedAt.String())
	p := &prometheus{t: c.t, client: http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return h.Dial(ctx, "tcp", watchedAt) },
	}}}
	_, err = h.Start(cmd)
	c.must(err)
	return p
}

// get has an answer of its API.
func (p *prometheus) get(path string, data any) error {
	response, err := p.client.Get("http://" + watchedAt.String() + "/api/v1/" + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Data  any
		Error string
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error == "" {
		return err
	}
	return errors.New(answer.Error)
}

// value is what an expression comes to, "" for nothing.
func (p *prometheus) value(expr string) string {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := p.get("query?query="+url.QueryEscape(expr), &data); err != nil || len(data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(data.Result[0].Value[1])
}

// alerts are the states of those that are not quiet, and of rules that cannot be evaluated.
func (p *prometheus) alerts() map[string]string {
	p.t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, State, Health, LastError string }
		}
	}
	must(p.t, p.get("rules", &data))
	found := map[string]string{}
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			switch {
			case r.Health == "err":
				p.t.Errorf("%s cannot be evaluated: %s", r.Name, r.LastError)
			case r.State != "inactive":
				found[r.Name] = r.State
			}
		}
	}
	if len(data.Groups) == 0 || len(data.Groups[0].Rules) < 20 {
		p.t.Errorf("Prometheus has not the rules: %+v", data)
	}
	return found
}

// sees waits until an expression comes to a value.
func (p *prometheus) sees(c *cluster, expr, value string) {
	c.t.Helper()
	c.eventuallySays(expr+" is "+value, func() bool { return p.value(expr) == value })
}

// A real Prometheus understands what nodes say, evaluates the alerts, and sees a VIP with
// one owner before and after a move, and after a kill: a planned move alarms nobody.
func TestPrometheusSeesACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t), vips("eth0", besideVIP+"/24"))
	c.listens()
	c.must(c.StartAll())
	old := c.settled()
	p := startPrometheus(c)
	held := `sum(perch_vip_held{address="` + besideVIP + `/24"})`
	ownerIs := func(n *lab.Node) {
		t.Helper()
		p.sees(c, fmt.Sprintf(`sum(perch_cluster_owner{instance="%s:7401"})`, n.Address().Addr()), "1")
		p.sees(c, "sum(perch_cluster_owner)", "1")
		p.sees(c, held, "1")
	}
	p.sees(c, `sum(up{job="perch"})`, "3")
	ownerIs(old)
	p.sees(c, `count(ALERTS) or vector(0)`, "0")

	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer") })
	ownerIs(next)
	for name, state := range p.alerts() {
		if state == "firing" {
			t.Errorf("%s is raised by a planned move", name)
		}
	}

	c.must(next.Kill())
	last := c.movedFrom(next)
	ownerIs(last)
	p.sees(c, `sum(ALERTS{alertname="PerchNodeDown"})`, "1")
	p.sees(c, `sum(perch_cluster_last_move_outage_seconds{known="at_most"}) > bool 0`, "1")
	for _, n := range c.others(next) {
		c.must(n.Kill())
	}
	p.sees(c, `sum(ALERTS{alertname="PerchAllDown"})`, "1")
	p.alerts()
}
