//go:build systemd

package packaged

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/perch-vip/perch/cmd/internal/api"
)

const nodeTable = `
[node]
name = "lb1"
`

// What the unit does without a drop-in.
const plainConfig = nodeTable + plainTables

const plainTables = `
[[vrrp]]
name = "gw"
interface = "v0"
vrid = 51
addresses = ["198.18.9.200/24"]
advert_interval = "1s"

[[notify]]
on = ["master"]
exec = ["/bin/sh", "-c", "sleep 1; id -un >/var/lib/perch/told; grep CapEff /proc/self/status >>/var/lib/perch/told; cat /proc/self/oom_score_adj >>/var/lib/perch/told"]

[[check]]
name = "ping"
kind = "icmp"
target = "127.0.0.1"
weight = -1

[[check]]
name = "script"
kind = "script"
argv = ["/bin/sh", "-c", "test $(id -un) = perch"]
weight = -1

[[service]]
name = "web"
address = "198.18.9.200:80"
scheduler = "wrr"
forward = "nat"
[[service.server]]
address = "198.18.9.9:8080"
`

const processConfig = `
[[check]]
name = "process-of-root"
kind = "process"
target = "systemd-journald"
weight = -1
`

// What it takes drop-ins for.
const widerConfig = nodeTable + `listen = "127.0.0.1:80"
` + plainTables + processConfig + `
[bgp]
asn = 65001

[[check]]
name = "other-user"
kind = "script"
argv = ["/bin/sh", "-c", "sleep 0.5; test $(id -un) = nobody && test $(cat /proc/self/oom_score_adj) = 0"]
user = "nobody"
weight = -1

[[vrrp]]
name = "virtual"
interface = "v0"
vrid = 52
virtual_mac = true
addresses = ["198.18.9.201/24"]
advert_interval = "1s"

[ipvs]
manage_sysctls = true
`

// The unit without a cluster.
func TestUnit(t *testing.T) {
	run(t, "dpkg", "-i", pack("new.deb"))
	t.Cleanup(func() { run(t, "dpkg", "-P", "perch") })
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "v0"}, PeerName: "v1"}))
	for _, name := range []string{"v0", "v1"} {
		run(t, "ip", "link", "set", name, "up")
	}
	run(t, "ip", "address", "add", "198.18.9.1/24", "dev", "v0")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := attempt("journalctl", "--no-pager", "-n", "120", "-u", "perch.service")
			t.Logf("log of the unit:\n%s", out)
		}
	})
	t.Run("Sandbox", testSandbox)
	t.Run("Networkd", testNetworkd)
	t.Run("Sysctls", testSysctls)
}

// All that perch does is possible in the sandbox of the unit, or with its drop-ins.
func testSandbox(t *testing.T) {
	must(t, os.WriteFile(config, []byte(plainConfig), 0o644))
	run(t, "systemctl", "start", "perch.service")
	wellWith(t, []string{"gw"}, []string{"ping", "script"})
	eventually(t, "the notify program has run", func() bool {
		told, err := os.ReadFile("/var/lib/perch/told")
		return err == nil && string(told) == "perch\nCapEff:\t0000000000000000\n0\n"
	})
	if table, err := os.ReadFile("/proc/net/ip_vs"); err != nil || !strings.Contains(string(table), "C61209C8:0050 wrr") {
		t.Errorf("IPVS has (%v):\n%s", err, table)
	}

	must(t, os.WriteFile(config, []byte(plainConfig+processConfig), 0o644))
	run(t, "systemctl", "reload", "perch.service")
	saysOf(t, "process-of-root", "hidden from perch")

	must(t, os.MkdirAll(dropIn, 0o755))
	t.Cleanup(func() {
		_ = os.RemoveAll(dropIn)
		run(t, "systemctl", "daemon-reload")
	})
	for _, name := range []string{"script-users.conf", "processes.conf", "sysctls.conf", "realtime.conf", "frr.conf", "low-ports.conf"} {
		text, err := os.ReadFile(filepath.Join(shared, name))
		// The kernel here is one that wants the last line of realtime.conf.
		text = bytes.ReplaceAll(text, []byte("#CPUWeight="), []byte("CPUWeight="))
		must(t, errors.Join(err, os.WriteFile(filepath.Join(dropIn, name), text, 0o644)))
	}
	asked := bgpd(t)
	must(t, os.WriteFile(config, []byte(widerConfig), 0o644))
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "restart", "perch.service")
	wellWith(t, []string{"gw", "virtual"}, []string{"ping", "script", "other-user", "process-of-root"})
	if forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward"); err != nil || string(forward) != "1\n" {
		t.Errorf("net.ipv4.ip_forward is %q (%v): the service needs it", forward, err)
	}
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("perch has not come to bgpd's socket")
	}
	if r, err := http.Get("http://127.0.0.1:80/healthz"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("port 80: %v, %v", r, err)
	}
	if !hasRealTimeThread(t) {
		t.Error("no thread has a real-time priority")
	}
}

// bgpd stands in for FRR's: it lets those in who may speak to it, and tells that somebody came.
func bgpd(t *testing.T) (asked <-chan struct{}) {
	t.Helper()
	run(t, "groupadd", "--system", "frrvty")
	must(t, os.MkdirAll("/run/frr", 0o755))
	l, err := net.Listen("unix", "/run/frr/bgpd.vty")
	must(t, err)
	run(t, "chown", "root:frrvty", "/run/frr/bgpd.vty")
	must(t, os.Chmod("/run/frr/bgpd.vty", 0o770))
	came := make(chan struct{})
	go func() {
		defer close(came)
		if conn, err := l.Accept(); err == nil {
			conn.Close()
			return
		}
		t.Error("bgpd: nobody came before the end")
	}()
	t.Cleanup(func() {
		l.Close()
		<-came
		must(t, os.RemoveAll("/run/frr"))
		run(t, "groupdel", "frrvty")
	})
	return came
}

// hasRealTimeThread looks for SCHED_RR, the 41st word in a thread's stat: see proc(5).
func hasRealTimeThread(t *testing.T) bool {
	t.Helper()
	stats, err := filepath.Glob(filepath.Join("/proc", property(t, "MainPID"), "task/*/stat"))
	must(t, err)
	for _, path := range stats {
		text, _ := os.ReadFile(path) // the thread may be gone
		_, rest, _ := strings.Cut(string(text), ") ")
		if words := strings.Fields(rest); len(words) > 38 && words[38] == "2" {
			return true
		}
	}
	return false
}

// wellWith waits until this node is the master of its routers, and its checks are well.
func wellWith(t *testing.T, routers, checks []string) {
	t.Helper()
	var status api.Status
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("status: %+v", status)
		}
	})
	eventually(t, "the unit is well", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		status, err = api.NewClient(socket).Status(ctx)
		if err != nil || len(status.VRRP) != len(routers) || len(status.Checks) != len(checks) {
			return false
		}
		for _, r := range status.VRRP {
			if r.State != "master" {
				return false
			}
		}
		for _, c := range status.Checks {
			if !c.Healthy {
				return false
			}
		}
		return true
	})
}

// saysOf waits until a check fails for a reason.
func saysOf(t *testing.T, check, reason string) {
	t.Helper()
	eventually(t, check+" says: "+reason, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		status, err := api.NewClient(socket).Status(ctx)
		return err == nil && slices.ContainsFunc(status.Checks, func(c api.Check) bool {
			return c.Name == check && !c.Healthy && strings.Contains(c.Error, reason)
		})
	})
}
