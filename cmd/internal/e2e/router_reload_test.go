package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// reloads writes another config, and wants the reload to name just these addresses.
func (n *station) reloads(added, removed []string, tables ...string) {
	n.t.Helper()
	n.write(tables...)
	got := n.reload()
	slices.Sort(got.Added)
	slices.Sort(got.Removed)
	if !slices.Equal(got.Added, added) || !slices.Equal(got.Removed, removed) {
		n.t.Errorf("perch reload says: added %q, removed %q; want %q and %q", got.Added, got.Removed, added, removed)
	}
}

// alone starts a site with one node and these tables.
func alone(t *testing.T, tables ...string) (*site, *station) {
	t.Helper()
	s := newSite(t, "lb1")
	s.nodes[0].write(tables...)
	s.start(s.nodes[0])
	return s, s.nodes[0]
}

func TestRouterReloadAddsAndRemovesRouters(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	first := router("first", 51, 100, "198.18.0.101/24")
	second := router("second", 52, 100, "198.18.0.102/24")
	s, n := alone(t, first)
	s.hasJust(n, "198.18.0.101", "198.18.0.102")
	left := departures(t, n.Host, "198.18.0.101")
	capture, err := s.net.Capture(s.net.sw, filepath.Join(n.Dir, "capture"))
	must(t, err)

	n.reloads([]string{"198.18.0.102/24 eth0"}, nil, first, second)
	s.hasJust(n, "198.18.0.101 198.18.0.102", "")
	s.answeredBy("198.18.0.102", n)

	n.reloads(nil, []string{"198.18.0.102/24 eth0"}, first)
	s.hasJust(n, "198.18.0.101", "198.18.0.102")
	s.answeredBy("198.18.0.101", n)
	if left() > 0 {
		t.Error("an address of a router that stayed went for a moment")
	}
	if macs := s.answering("198.18.0.102"); len(macs) > 0 {
		t.Errorf("%v answers for an address that was removed", macs)
	}
	adverts, err := capture.Adverts()
	must(t, err)
	farewells := map[uint8]int{}
	for _, a := range adverts {
		if a.Priority == 0 {
			farewells[a.VRID]++
		}
	}
	if farewells[52] == 0 || farewells[51] > 0 {
		t.Errorf("farewells by VRID: %v, want some of 52 alone", farewells)
	}
}

func TestRouterReloadKeepsTheMaster(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24 198.18.0.102/24"))
	s.hasJust(n, "198.18.0.101 198.18.0.102", "")
	s.stateIs(n, "gw", api.StateMaster, "")
	since := n.router("gw").Since
	left := departures(t, n.Host, "198.18.0.101")

	n.reloads([]string{"198.18.0.103/24 eth0"}, []string{"198.18.0.102/24 eth0"},
		router("gw", 51, 100, "198.18.0.101/24 198.18.0.103/24"))
	s.hasJust(n, "198.18.0.101 198.18.0.103", "198.18.0.102")
	n.reloads(nil, nil, router("gw", 51, 100, "198.18.0.103/24 198.18.0.101/24", `advert_interval = "50ms"`))
	n.reloads(nil, nil, router("gw", 51, 150, "198.18.0.103/24 198.18.0.101/24", `advert_interval = "1s"`, "preempt = false"))
	s.answeredBy("198.18.0.101", n)
	s.answeredBy("198.18.0.103", n)
	now := n.router("gw")
	if left() > 0 || now.State != api.StateMaster || !now.Since.Equal(since) {
		t.Errorf("its address went %d times; it is %s since %s, was master since %s", left(), now.State, now.Since, since)
	}
	if now.AdvertInterval != "1s" || now.Priority != 150 || now.EffectivePriority != 150 {
		t.Errorf("status after the reload: %+v", now)
	}
}

// The master of a changed list still says by its adverts what it has.
func TestRouterReloadChangesTheAdverts(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	s, n := alone(t, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(n, "198.18.0.101", "")
	n.reloads([]string{"198.18.0.102/24 eth0"}, nil, router("gw", 51, 120, "198.18.0.101/24 198.18.0.102/24", `advert_interval = "50ms"`))
	s.hasJust(n, "198.18.0.101 198.18.0.102", "")
	sent := n.router("gw").Adverts.Sent
	capture, err := s.net.Capture(s.net.sw, filepath.Join(n.Dir, "capture"))
	must(t, err)
	s.eventuallySays("some more adverts are sent", func() bool { return n.router("gw").Adverts.Sent > sent+10 })
	adverts, err := capture.Adverts()
	must(t, err)
	if len(adverts) == 0 {
		t.Fatal("no adverts")
	}
	for _, a := range adverts {
		if len(a.Addresses) != 2 || a.Interval != 50*time.Millisecond || a.Priority != 120 {
			t.Fatalf("an advert after the reload: %+v", a)
		}
	}
}

func TestRouterReloadMovesTheMaster(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	a, b := s.nodes[0], s.nodes[1]
	a.write(router("gw", 51, 200, "198.18.0.101/24"))
	b.write(router("gw", 51, 150, "198.18.0.101/24"))
	s.start(a, b)
	s.hasJust(a, "198.18.0.101", "")
	s.hasJust(b, "", "198.18.0.101")
	a.reloads(nil, nil, router("gw", 51, 100, "198.18.0.101/24"))
	s.hasJust(b, "198.18.0.101", "")
	s.hasJust(a, "", "198.18.0.101")
	s.answeredBy("198.18.0.101", b)
	a.reloads(nil, nil, router("gw", 51, 200, "198.18.0.101/24"))
	s.hasJust(a, "198.18.0.101", "")
	s.hasJust(b, "", "198.18.0.101")
	s.answeredBy("198.18.0.101", a)
}

func TestRouterReloadMovesAnAddressToAnotherRouter(t *testing.T) {
	t.Parallel()
	s, n := alone(t, router("left", 51, 100, "198.18.0.101/24 198.18.0.102/24"), router("right", 52, 100, "198.18.0.103/24"))
	s.hasJust(n, "198.18.0.101 198.18.0.102 198.18.0.103", "")
	left := departures(t, n.Host, "198.18.0.103")
	n.reloads(nil, nil, router("left", 51, 100, "198.18.0.101/24"), router("right", 52, 100, "198.18.0.103/24 198.18.0.102/24"))
	for _, addr := range []string{"198.18.0.101", "198.18.0.102", "198.18.0.103"} {
		s.answeredBy(addr, n)
	}
	if left() > 0 {
		t.Error("an address that stayed where it was went for a moment")
	}
	// It follows the router that it has now.
	n.reloads(nil, []string{"198.18.0.101/24 eth0"}, router("right", 52, 100, "198.18.0.103/24 198.18.0.102/24"))
	s.hasJust(n, "198.18.0.102 198.18.0.103", "198.18.0.101")
	s.answeredBy("198.18.0.102", n)
}

func TestRouterReloadOfAWrongFile(t *testing.T) {
	t.Parallel()
	good := router("gw", 51, 100, "198.18.0.101/24")
	for name, c := range map[string]struct{ tables, says string }{
		"mistake":      {router("gw", 256, 100, "198.18.0.101/24"), "vrrp.vrid = 256"},
		"no secret":    {router("gw", 51, 100, "198.18.0.101/24", "version = 2", `advert_interval = "1s"`, `auth = {kind = "pass", secret_file = "/nowhere/secret"}`), "/nowhere/secret"},
		"same address": {good + router("other", 52, 100, "198.18.0.101/24"), "198.18.0.101"},
		"no TOML":      {"\n[[vrrp", "perch.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := alone(t, good)
			s.hasJust(n, "198.18.0.101", "")
			left := departures(t, n.Host, "198.18.0.101")
			before := n.router("gw")
			n.write(c.tables)
			_, said, code := n.ask("reload")
			if code != 1 || !strings.HasPrefix(said, "perch: ") || !strings.Contains(said, c.says) {
				t.Errorf("perch reload exits with %d: %s; want 1 and %q", code, said, c.says)
			}
			s.answeredBy("198.18.0.101", n)
			if now := n.router("gw"); left() > 0 || now.State != before.State || !now.Since.Equal(before.Since) || now.Priority != 100 {
				t.Errorf("the address went %d times; status %+v, before %+v", left(), now, before)
			}
			n.write(good)
			if r := n.reload(); len(r.Added)+len(r.Removed)+len(r.Warnings) > 0 {
				t.Errorf("a reload of the good file again: %+v", r)
			}
		})
	}
}

// A daemon without virtual routers has no engine for them.
func TestRouterReloadOfTheFirstRouter(t *testing.T) {
	t.Parallel()
	cluster := `
[cluster]
name = "one"
insecure = true
[[cluster.peer]]
name = "lb1"
address = "198.18.0.1:7400"
[[vip]]
address = "198.18.0.100/24"
interface = "eth0"
`
	s, n := alone(t, cluster)
	s.hasJust(n, "198.18.0.100", "")
	gw := router("gw", 51, 100, "198.18.0.101/24")
	n.write(cluster, gw)
	result := n.reload()
	named := func(w string) bool {
		return strings.Contains(w, "the first [[vrrp]]") && strings.Contains(w, "next start")
	}
	if len(result.Added) > 0 || !slices.ContainsFunc(result.Warnings, named) {
		t.Errorf("perch reload says: %+v", result)
	}
	status, err := n.status()
	must(t, err)
	if len(status.VRRP) > 0 || !slices.ContainsFunc(status.Warnings, named) {
		t.Errorf("perch status says: %+v", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, n.Terminate(ctx))
	s.start(n)
	s.hasJust(n, "198.18.0.100 198.18.0.101", "")
}

// A reload whose addresses cannot be written down changes nothing, and says so.
func TestRouterReloadOnAFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1")
	n := s.nodes[0]
	n.write(router("gw", 51, 100, "198.18.0.101/24"))
	s.start(n)
	s.hasJust(n, "198.18.0.101", "")
	obstacle := filepath.Join(n.Dir, "data", "vrrp-vips.json.new", "in the way")
	must(t, os.MkdirAll(obstacle, 0o700))
	n.write(router("gw", 51, 100, "198.18.0.102/24"))
	result := n.reload()
	if !slices.ContainsFunc(result.Warnings, func(w string) bool { return strings.Contains(w, "ledger not written") }) {
		t.Errorf("warnings %q", result.Warnings)
	}
	s.never("the address goes", 500*time.Millisecond, func() bool { return !n.has("198.18.0.101") || n.has("198.18.0.102") })
	if held := n.router("gw").Addresses; len(held) != 1 || held[0].Address != "198.18.0.101/24" || !held[0].Held {
		t.Errorf("the status says %+v", held)
	}
	must(t, os.RemoveAll(filepath.Dir(obstacle)))
	n.reload()
	s.hasJust(n, "198.18.0.102", "198.18.0.101")
}
