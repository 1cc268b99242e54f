//go:build systemd

package packaged

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
)

const (
	networkFile = "/etc/systemd/network/v0.network"
	networkText = "[Match]\nName=v0\n[Network]\nAddress=198.18.9.1/24\nIPv6AcceptRA=no\n"
)

// What systemd-networkd would take away: a VIP in the subnet of the interface's own address
// and one in another, a route and a rule.
const keptConfig = `
[node]
name = "lb1"

[[vrrp]]
name = "gw"
interface = "v0"
vrid = 51
source = "198.18.9.1"
addresses = ["198.18.9.200/24", "198.18.19.200/24"]
advert_interval = "1s"
routes = [{destination = "203.0.113.0/24", via = "198.18.9.77"}]
rules = [{from = "198.18.29.0/24", table = 77}]
`

// systemd-networkd deletes what is perch's, and perch puts it back and counts it. With the
// shipped drop-ins it leaves it alone. perch doctor tells the one from the other.
func testNetworkd(t *testing.T) {
	n := startNetworkd(t)
	must(t, os.WriteFile(config, []byte(keptConfig), 0o644))
	run(t, "systemctl", "restart", "perch.service")
	wellWith(t, []string{"gw"}, nil)
	n.eventuallyAllThere()
	found := doctor()
	for _, want := range []string{"which deletes VIPs from it", "deletes routes that it does not know", "deletes routing rules that it does not know"} {
		if !strings.Contains(found, want) {
			t.Errorf("doctor does not say %q:\n%s", want, found)
		}
	}
	for _, cause := range n.causes() {
		w := newChanges(t)
		before := readded(t)
		cause.happens()
		eventually(t, "all that is perch's was deleted when systemd-networkd "+cause.name, func() bool {
			return w.deleted(inSubnet) > 0 && w.deleted(elsewhere) > 0 && w.deleted(theRoute) > 0 && w.deleted(theRule) > 0
		})
		n.settled(w)
		eventually(t, "perch has counted it", func() bool { return readded(t) >= before+2 })
		n.eventuallyAllThere()
	}

	w := newChanges(t)
	n.extend()
	n.restart()
	n.settled(w)
	if found := doctor(); strings.Contains(found, "networkd") {
		t.Errorf("with the drop-ins doctor says:\n%s", found)
	}
	transitions, before := n.transitions(), readded(t)
	for _, cause := range n.causes() {
		w := newChanges(t)
		cause.happens()
		n.settled(w)
		for _, what := range []string{elsewhere, theRoute, theRule} {
			if times := w.deleted(what); times > 0 {
				t.Errorf("with the drop-ins %s was deleted %d times when systemd-networkd %s", what, times, cause.name)
			}
		}
		if times := w.deleted(inSubnet); times > 0 && w.deleted(itsOwn) == 0 {
			t.Errorf("with the drop-ins a VIP was deleted %d times when systemd-networkd %s", times, cause.name)
		}
		n.eventuallyAllThere()
	}
	if now := n.transitions(); now != transitions {
		t.Errorf("with the drop-ins the router came %d times to another state", now-transitions)
	}
	if now := readded(t); now != before {
		t.Errorf("with the drop-ins perch has put back %d addresses", now-before)
	}
}

// networkd is the system's systemd-networkd, which has configured v0.
type networkd struct {
	t     *testing.T
	edits int
}

func startNetworkd(t *testing.T) *networkd {
	t.Helper()
	n := &networkd{t: t}
	t.Cleanup(func() {
		_, _ = attempt("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd.service")
		for _, path := range []string{networkFile, networkFile + ".d", "/etc/systemd/networkd.conf.d"} {
			_ = os.RemoveAll(path)
		}
		if t.Failed() {
			out, _ := attempt("journalctl", "--no-pager", "-n", "40", "-u", "systemd-networkd.service")
			t.Logf("log of systemd-networkd:\n%s", out)
		}
	})
	must(t, os.WriteFile(networkFile, []byte(networkText), 0o644))
	w := newChanges(t)
	run(t, "systemctl", "start", "systemd-networkd.service")
	n.settled(w)
	return n
}

// settled waits until v0 is configured, and its own address was added or confirmed since.
func (n *networkd) settled(w *changes) {
	n.t.Helper()
	face, err := net.InterfaceByName("v0")
	must(n.t, err)
	eventually(n.t, "systemd-networkd has configured v0", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/run/systemd/netif/links/%d", face.Index))
		return err == nil && strings.Contains(string(state), "ADMIN_STATE=configured\n") && w.added(itsOwn) > 0
	})
}

func (n *networkd) restart() { run(n.t, "systemctl", "restart", "systemd-networkd.service") }

// extend puts the drop-ins of the package where they say that they belong.
func (n *networkd) extend() {
	for name, folder := range map[string]string{
		"perch-networkd.conf": "/etc/systemd/networkd.conf.d", "perch-network.conf": networkFile + ".d",
	} {
		text, err := os.ReadFile(filepath.Join("/usr/share/perch/networkd", name))
		must(n.t, errors.Join(err, os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name), text, 0o644)))
	}
}

// cause is an occasion for systemd-networkd to delete what it does not know.
type cause struct {
	name    string
	happens func()
}

func (n *networkd) causes() []cause {
	return []cause{
		{"was restarted", n.restart},
		{"reconfigured v0", func() { run(n.t, "networkctl", "reconfigure", "v0") }},
		{"read a changed file", func() {
			n.edits++
			must(n.t, os.WriteFile(networkFile, []byte(networkText+strings.Repeat("# changed\n", n.edits)), 0o644))
			run(n.t, "networkctl", "reload")
		}},
	}
}

// eventuallyAllThere waits until all is in the kernel that the config asks for.
func (n *networkd) eventuallyAllThere() {
	n.t.Helper()
	eventually(n.t, "the addresses, the route and the rule are there", func() bool {
		addresses, _ := attempt("ip", "address", "show", "dev", "v0")
		routes, _ := attempt("ip", "route", "show", "203.0.113.0/24")
		rules, _ := attempt("ip", "rule", "show", "table", "77")
		return strings.Contains(addresses, "198.18.9.200/24") && strings.Contains(addresses, "198.18.19.200/24") &&
			strings.Contains(routes, "198.18.9.77") && strings.Contains(rules, "198.18.29.0/24")
	})
}

// transitions returns how often the router, which is the master, has come to another state.
func (n *networkd) transitions() uint64 {
	n.t.Helper()
	status := statusOf(n.t)
	if len(status.VRRP) != 1 || status.VRRP[0].State != "master" {
		n.t.Fatalf("routers %+v, want a master", status.VRRP)
	}
	return status.VRRP[0].Transitions
}

// statusOf asks the unit until it answers, which may take a while on a machine that is busy.
func statusOf(t *testing.T) (status api.Status) {
	t.Helper()
	eventually(t, "the unit says how it is", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		status, err = api.NewClient(socket).Status(ctx)
		return err == nil
	})
	return status
}

// readded returns how many addresses perch has put back.
func readded(t *testing.T) (times uint64) {
	t.Helper()
	for _, r := range statusOf(t).VRRP {
		for _, a := range r.Addresses {
			times += a.Readded
		}
	}
	return times
}

// doctor returns the findings; that there are some is no error here.
func doctor() string {
	out, _ := attempt("perch", "doctor", "--listen", "0s")
	return out
}
