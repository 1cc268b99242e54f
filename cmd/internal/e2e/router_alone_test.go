package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// What is about a cluster is refused by a daemon without one, in one line.
func TestRouterAloneRefusesClusterCommands(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(n, "198.18.0.101", "")
	const want = "perch: this node runs no cluster: its config has no [cluster], and virtual routers (VRRP) choose their master by priority alone\n"
	for _, command := range []string{
		"transfer", "transfer lb1", "drain", "drain lb1", "undrain", "undrain lb1", "join", "join --via 198.18.0.9",
		"leave", "remove lb2", "history", "history -o json", "transfer -o json",
	} {
		out, said, code := n.ask(strings.Fields(command)...)
		if code != 1 || said != want || out != "" {
			t.Errorf("perch %s exits with %d, says %q and %q", command, code, out, said)
		}
	}
	for _, command := range []string{"recover", "recover --cluster edge", "recover -o json"} {
		out, said, code := n.run(append(strings.Fields(command), "-c", n.config())...)
		if code != 1 || said != want || out != "" {
			t.Errorf("perch %s exits with %d, says %q and %q", command, code, out, said)
		}
	}
	s.answeredBy("198.18.0.101", n)
}

func TestRouterAloneStatus(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24", `excluded_addresses = ["2001:db8::101/64"]`))
	s.hasJust(n, "198.18.0.101 2001:db8::101", "")
	s.eventuallySays("it holds both", func() bool {
		r := n.router("gw")
		return len(r.Addresses) == 2 && r.Addresses[0].Held && r.Addresses[1].Held
	})
	out, _, code := n.ask("status")
	if code != 0 {
		t.Errorf("perch status exits with %d", code)
	}
	for _, want := range []string{"node lb1", "no cluster", "gw", "eth0", "master", "198.18.0.101/24", "2001:db8::101/64", api.Promise} {
		if !strings.Contains(out, want) {
			t.Errorf("perch status does not say %q:\n%s", want, out)
		}
	}
	out, _, code = n.ask("status", "-o", "json")
	var fields map[string]any
	must(t, json.Unmarshal([]byte(out), &fields))
	if _, has := fields["cluster"]; has || code != 0 {
		t.Errorf("perch status -o json exits with %d, has a cluster: %v", code, has)
	}
	status, err := n.status()
	must(t, err)
	if status.Node != "lb1" || status.Promise != api.Promise || len(status.VIPs) > 0 || status.Static != nil || len(status.Warnings) > 0 {
		t.Errorf("perch status -o json: %+v", status)
	}
	r := n.router("gw")
	if r.Since.IsZero() || r.Reason == "" || r.Source != "198.18.0.1" || r.Master != "198.18.0.1" || r.Adverts.Sent == 0 ||
		r.Family != "ipv4" || r.Version != 3 || r.Fence == "" || r.Checksum != "pseudo-header" || r.EffectivePriority != 100 {
		t.Errorf("status of the router: %+v", r)
	}
}

// A start and a stop in good order leave nothing behind, and nothing to complain about.
func TestRouterAloneEndsInGoodOrder(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(n, "198.18.0.101", "")
	s.stop(n)
	if n.has("198.18.0.101") {
		t.Error("it was stopped and left its address behind")
	}
	for _, bad := range []string{"level=ERROR", "level=WARN", "panic"} {
		if strings.Contains(n.log(), bad) {
			t.Errorf("its log has %s:\n%s", bad, n.log())
		}
	}
}
