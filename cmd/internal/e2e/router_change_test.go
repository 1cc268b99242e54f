package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// Any part of a router may change while the daemon runs, and change back: it serves
// again by itself.
func TestRouterReloadOfAnyChange(t *testing.T) {
	const usual = "198.18.0.101/24"
	base := router("gw", 51, 100, usual)
	for name, c := range map[string]struct {
		tables string
		lines  []string // of the only router, if tables is empty
		keeps  bool     // it goes on as the master
	}{
		"name":          {tables: router("renamed", 51, 100, usual)},
		"vrid":          {tables: router("gw", 61, 100, usual)},
		"priority":      {tables: router("gw", 51, 255, usual), keeps: true},
		"version":       {lines: []string{"version = 2", `advert_interval = "1s"`}},
		"interval":      {lines: []string{`advert_interval = "200ms"`}, keeps: true},
		"source":        {lines: []string{`source = "198.18.0.1"`}},
		"virtual MAC":   {lines: []string{"virtual_mac = true"}},
		"unicast":       {lines: []string{`source = "198.18.0.1"`, `unicast_peers = ["198.18.0.77"]`}},
		"checksum":      {lines: []string{`checksum = "message-only"`}, keeps: true},
		"announcements": {lines: []string{`garp_delay = "1s"`, `garp_refresh = "0s"`, `garp_lower_priority_repeat = 0`}, keeps: true},
		"own interface": {lines: []string{"track_own_interface = false"}, keeps: true},
		"delays":        {lines: []string{`preempt_delay = "3s"`, `start_delay = "1s"`}, keeps: true},
		"excluded":      {lines: []string{`excluded_addresses = ["198.18.0.109/24", "2001:db8::109/64"]`}, keeps: true},
		"prefix length": {tables: router("gw", 51, 100, "198.18.0.101/25"), keeps: true},
		"order":         {tables: router("gw", 51, 100, "198.18.0.100/24 "+usual), keeps: true},
		"group": {tables: base + router("other", 52, 100, "198.18.0.102/24") +
			"\n[[sync_group]]\nname = \"both\"\nmembers = [\"gw\", \"other\"]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := c.tables
			if changed == "" {
				changed = router("gw", 51, 100, usual, c.lines...)
			}
			s, n := alone(t, base)
			s.hasJust(n, "198.18.0.101", "")
			left := departures(t, n.Host, "198.18.0.101")
			for _, tables := range []string{changed, base, changed, base} {
				since := n.router("gw").Since
				n.write(tables)
				n.reload()
				s.servesAll(n, tables == changed && name == "virtual MAC")
				if now := n.router("gw").Since; c.keeps && !now.Equal(since) {
					t.Errorf("it is master since %s, and was since %s before the reload", now, since)
				}
			}
			if c.keeps && name != "prefix length" && left() > 0 {
				t.Errorf("its address went %d times", left())
			}
			if strings.Contains(n.log(), "level=ERROR") {
				t.Errorf("errors in its log:\n%s", n.log())
			}
			s.stop(n)
			if n.has("198.18.0.101") {
				t.Error("it was stopped and left its address behind")
			}
		})
	}
}

// servesAll waits until the node is the master of all of its routers, which the segment
// can see.
func (s *site) servesAll(n *station, virtual bool) {
	s.t.Helper()
	s.eventuallySays("it serves", func() bool {
		status, err := n.status()
		must(s.t, err)
		for _, r := range status.VRRP {
			for _, a := range r.Addresses {
				if r.State != api.StateMaster || !a.Held {
					return false
				}
			}
		}
		return len(status.VRRP) > 0
	})
	mac := lab.MAC(n.Host.Eth0.MAC)
	if virtual {
		mac = virtual4
	}
	s.answeredFrom("198.18.0.101", mac)
}

// Names, VRIDs and addresses change places.
func TestRouterReloadSwapsRouters(t *testing.T) {
	t.Parallel()
	left, right := router("left", 51, 100, "198.18.0.101/24"), router("right", 52, 100, "198.18.0.102/24")
	s, n := alone(t, left, right)
	for _, tables := range [][]string{
		{router("right", 51, 100, "198.18.0.101/24"), router("left", 52, 100, "198.18.0.102/24")},
		{router("right", 51, 100, "198.18.0.102/24"), router("left", 52, 100, "198.18.0.101/24")},
		{router("right", 52, 100, "198.18.0.101/24"), router("left", 51, 100, "198.18.0.102/24")},
		{left, right},
	} {
		s.hasJust(n, "198.18.0.101 198.18.0.102", "")
		n.reloads(nil, nil, tables...)
		s.servesAll(n, false)
		s.answeredBy("198.18.0.102", n)
	}
}

// An address goes from a router of which one node is the master to one of which the
// other is, node by node as it is done.
func TestRouterReloadMovesAnAddressToAnotherMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	write := func(n *station, of string, priority int) {
		left, right := "198.18.0.101/24", "198.18.0.102/24"
		if of == "left" {
			left += " 198.18.0.103/24"
		} else {
			right += " 198.18.0.103/24"
		}
		n.write(router("left", 51, priority, left), router("right", 52, 300-priority, right))
	}
	write(a, "left", 200)
	write(b, "left", 100)
	s.start(a, b)
	s.hasJust(a, "198.18.0.101 198.18.0.103", "198.18.0.102")
	s.hasJust(b, "198.18.0.102", "198.18.0.101 198.18.0.103")
	write(a, "right", 200)
	a.reload()
	s.hasJust(a, "198.18.0.101", "198.18.0.102 198.18.0.103")
	write(b, "right", 100)
	b.reload()
	s.hasJust(b, "198.18.0.102 198.18.0.103", "198.18.0.101")
	s.answeredBy("198.18.0.103", b)
	s.stop(a)
	s.hasJust(b, "198.18.0.101 198.18.0.102 198.18.0.103", "")
	s.answeredBy("198.18.0.101", b)
}

// An address is of the cluster, of a virtual router, or static, and may change between
// them.
func TestRouterReloadMovesAnAddressBetweenModes(t *testing.T) {
	const cluster = `
[cluster]
name = "one"
insecure = true
[[cluster.peer]]
name = "lb1"
address = "198.18.0.1:7400"
`
	vip := func(addr string) string { return "\n[[vip]]\naddress = \"" + addr + "/24\"\ninterface = \"eth0\"\n" }
	static := func(addr string) string {
		return "\n[static]\naddresses = [{address = \"" + addr + "/24\", interface = \"eth0\"}]\n"
	}
	gw := func(addr string) string { return router("gw", 51, 100, addr+"/24") }
	const x, y, z, w = "198.18.0.101", "198.18.0.102", "198.18.0.103", "198.18.0.104"
	for name, steps := range map[string][]string{
		"cluster and router": {vip(x) + gw(y), vip(y) + gw(x), vip(x) + gw(y)},
		"router and static":  {vip(w) + gw(x) + static(y), vip(w) + gw(y) + static(x), vip(w) + gw(x) + static(y)},
		"cluster and static": {vip(x) + gw(w) + static(y), vip(y) + gw(w) + static(x), vip(x) + gw(w) + static(y)},
		"round":              {vip(x) + gw(y) + static(z), vip(y) + gw(z) + static(x), vip(z) + gw(x) + static(y), vip(x) + gw(y) + static(z)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := alone(t, cluster, steps[0])
			for i, step := range steps {
				n.write(cluster, step)
				if r := n.reload(); i > 0 && len(r.Added)+len(r.Removed) > 0 {
					t.Errorf("perch reload says: added %q, removed %q", r.Added, r.Removed)
				}
				for _, addr := range []string{x, y} {
					s.hasJust(n, addr, "")
					s.answeredBy(addr, n)
				}
				s.eventuallySays("the status has all", func() bool {
					status, err := n.status()
					must(t, err)
					return status.VIPs[0].Held && status.VRRP[0].Addresses[0].Held &&
						(status.Static == nil || status.Static.Addresses[0].Held)
				})
			}
			for _, bad := range []string{"level=ERROR"} {
				if strings.Contains(n.log(), bad) {
					t.Errorf("its log has %s:\n%s", bad, n.log())
				}
			}
			s.stop(n)
			for _, addr := range []string{x, y, z, w} {
				if n.has(addr) {
					t.Errorf("it was stopped and left %s behind", addr)
				}
			}
		})
	}
}

// The daemon's settings that a reload cannot change are named, and the rest applies.
func TestRouterReloadNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(n, "198.18.0.101", "")
	n.write("log_format = \"json\"\nfence = \"off\"\nlog_level = \"debug\"\n", router("gw", 51, 100, "198.18.0.102/24"))
	text, err := os.ReadFile(n.config())
	must(t, err)
	must(t, os.WriteFile(n.config(), []byte(strings.Replace(string(text), "perch.sock", "other.sock", 1)), 0o600))
	warnings := strings.Join(n.reload().Warnings, "\n")
	for _, key := range []string{"node.socket", "node.log_format", "node.fence"} {
		if !strings.Contains(warnings, key+" has changed and takes effect at the next start") {
			t.Errorf("perch reload does not name %s:\n%s", key, warnings)
		}
	}
	if strings.Contains(warnings, "log_level") {
		t.Errorf("perch reload names what it applies:\n%s", warnings)
	}
	s.hasJust(n, "198.18.0.102", "198.18.0.101")
	s.answeredBy("198.18.0.102", n)
}
