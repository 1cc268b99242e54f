package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// gateway is the address of the virtual router gw.
const gateway = "198.18.0.100"

// servedRouters is a site whose virtual routers depend on the web servers of their nodes.
type servedRouters struct {
	*site
	services []*lab.Service
}

// serveRouters starts a web server and a virtual router gw on lb1 and lb2, of priority 200
// and 150, with more lines of it, and a check web.
func serveRouters(t *testing.T, lines ...string) *servedRouters {
	t.Helper()
	lab.NeedServices(t)
	s := &servedRouters{site: newSite(t, "lb1", "lb2")}
	for i, n := range s.nodes {
		service, err := lab.NewHAProxy(n.Host, filepath.Join(n.Dir, "web"), lab.Manner{})
		must(t, err)
		must(t, service.Start())
		s.services = append(s.services, service)
		url := fmt.Sprintf("http://%s/", n.Host.Eth0.IPv4.Addr())
		n.write(
			router("gw", 51, 200-50*i, gateway+"/24", lines...),
			check("web", `kind = "http"`, fmt.Sprintf("target = %q", url)),
		)
	}
	s.start(s.nodes...)
	s.masterIs(s.nodes[0])
	return s
}

// masterIs waits until the node alone has the gateway and answers for it.
func (s *servedRouters) masterIs(n *station) {
	s.t.Helper()
	for _, other := range s.nodes {
		if other != n {
			s.hasJust(other, "", gateway)
		}
	}
	s.hasJust(n, gateway, "")
	s.answeredBy(gateway, n)
}

// A router that has just started does not take over before it is known whether what is
// behind it is well, however high its priority is.
func TestCheckRouterWaitsForAVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	first, second := s.nodes[0], s.nodes[1]
	well := filepath.Join(second.Dir, "well")
	must(t, os.WriteFile(well, nil, 0o600))
	second.write(
		router("gw", 51, 150, gateway+"/24", `track = ["web"]`),
		check("web", `kind = "file"`, fmt.Sprintf("target = %q", well)),
	)
	refused := netip.AddrPortFrom(first.Host.Eth0.IPv4.Addr(), 9)
	first.write(
		router("gw", 51, 200, gateway+"/24", `track = ["web"]`),
		check("web", `kind = "tcp"`, fmt.Sprintf("target = %q", refused), `fast_interval = "500ms"`, "fall = 4"),
	)
	s.start(second)
	s.eventually("the second is the master", func() bool { return second.router("gw").State == api.StateMaster })
	since := second.router("gw").Since
	s.start(first)
	s.stateIs(first, "gw", api.StateFault, "check web failed 4 of 4")
	if r := second.router("gw"); r.State != api.StateMaster || !r.Since.Equal(since) {
		t.Errorf("the second is %s since %s, and was the master since %s", r.State, r.Since, since)
	}
}

// A check of weight 0 is a fault: the backup takes over, and gives the gateway back.
func TestCheckRouterFault(t *testing.T) {
	t.Parallel()
	s := serveRouters(t, `track = ["web"]`)
	first, second := s.nodes[0], s.nodes[1]
	client, err := s.net.client.Request(netip.AddrPortFrom(netip.MustParseAddr(gateway), lab.HTTPPort), nil)
	must(t, err)
	s.eventually("the client is served", func() bool { return len(client.Since(time.Time{}).Stints()) > 0 })
	begin := time.Now()
	must(t, stop(s.services[0]))
	s.masterIs(second)
	s.stateIs(first, "gw", api.StateFault, "web")
	if p := first.router("gw").EffectivePriority; p != 0 {
		t.Errorf("a router in a fault has the priority %d", p)
	}
	s.eventually("the client is served by the backup", func() bool {
		stints := client.Since(begin).Stints()
		return len(stints) > 0 && stints[len(stints)-1].Host == second.Name
	})
	all := client.Since(time.Time{})
	t.Logf("longest time without a good answer %s; %s", all.Outage(begin, time.Now()).Round(time.Millisecond), all)
	must(t, s.services[0].Start())
	s.masterIs(first)
}

// Where all perch nodes are in a fault a keepalived takes over.
func TestCheckRouterFaultBesideKeepalived(t *testing.T) {
	t.Parallel()
	lab.NeedPeers(t)
	s := serveRouters(t, `track = ["web"]`)
	config := fmt.Sprintf("vrrp_instance gw {\n\tstate BACKUP\n\tinterface eth0\n\tversion 3\n\tvirtual_router_id 51\n\tpriority 100\n\tadvert_int 0.1\n\tvirtual_ipaddress {\n\t\t%s/24\n\t}\n}\n", gateway)
	k, err := lab.NewKeepalived(s.net.addHost(t, "keepalived"), filepath.Join(s.net.tempDir(t), "keepalived"), config)
	must(t, err)
	must(t, k.Start())
	must(t, stop(s.services[0]))
	s.masterIs(s.nodes[1])
	must(t, s.services[1].Become(lab.Manner{Status: 503}))
	s.hasJust(s.nodes[1], "", gateway)
	s.answeredFrom(gateway, lab.MAC(k.Host.Eth0.MAC))
	must(t, s.services[1].Become(lab.Manner{}))
	s.masterIs(s.nodes[1])
}

// A check with another weight changes the priority.
func TestCheckRouterWeight(t *testing.T) {
	t.Parallel()
	s := serveRouters(t, `track = [{check = "web", weight = -60}]`)
	first, second := s.nodes[0], s.nodes[1]
	must(t, stop(s.services[0]))
	s.masterIs(second)
	s.eventuallySays("lb1 is a backup of priority 140", func() bool {
		r := first.router("gw")
		return r.State == api.StateBackup && r.EffectivePriority == 140 && r.Priority == 200
	})
	must(t, stop(s.services[1])) // both are worse by the same
	s.masterIs(first)
	must(t, s.services[1].Start())
	s.masterIs(second)
}

// The routers of a sync group follow the one that has a check.
func TestCheckRouterSyncGroup(t *testing.T) {
	t.Parallel()
	s := newSite(t, "lb1", "lb2")
	flag := filepath.Join(tempDir(t), "flag")
	must(t, os.WriteFile(flag, nil, 0o600))
	const lanAddress = "198.18.0.101"
	for i, n := range s.nodes {
		tables := []string{
			router("gw", 51, 200-50*i, gateway+"/24"),
			router("lan", 52, 200-50*i, lanAddress+"/24"),
			"\n[[sync_group]]\nname = \"both\"\nmembers = [\"gw\", \"lan\"]\n",
		}
		if i == 0 {
			tables[0] = router("gw", 51, 200, gateway+"/24", `track = ["flag"]`)
			tables = append(tables, check("flag", `kind = "file"`, fmt.Sprintf("target = %q", flag)))
		}
		n.write(tables...)
	}
	s.start(s.nodes...)
	first, second := s.nodes[0], s.nodes[1]
	both := gateway + " " + lanAddress
	s.hasJust(first, both, "")
	must(t, os.Remove(flag))
	s.hasJust(second, both, "")
	s.hasJust(first, "", both)
	s.stateIs(first, "gw", api.StateFault, "flag")
	must(t, os.WriteFile(flag, nil, 0o600))
	s.hasJust(first, both, "")
	s.hasJust(second, "", both)
}
