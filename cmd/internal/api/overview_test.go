package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// manySick is a status of more than an overview has room for; the last of each kind is
// not well.
func manySick() *Status {
	s := &Status{Node: "lb2", Version: "1.0"}
	for i := range 1000 {
		last := i == 999
		service := Service{Name: fmt.Sprint("s", i), State: ServiceReady, Here: true, Quorum: Quorum{Up: !last}}
		for j := range 5 {
			server := Server{Address: fmt.Sprint(j), State: ServerUp, Connections: Connections{Active: 2}}
			if last && j == 4 {
				server.State = ServerDown
			}
			service.Servers = append(service.Servers, server)
		}
		if i == 500 {
			service.State = ServiceWaiting
		}
		s.Services = append(s.Services, service)
		router, check, target := VirtualRouter{Name: fmt.Sprint("r", i), State: StateMaster}, Check{Name: fmt.Sprint("c", i), State: CheckHealthy}, Notified{Target: fmt.Sprint("t", i)}
		if last {
			router.State, check.State, target.Error = StateFault, CheckFailed, "refused"
		}
		router.Addresses, router.Heard, router.Routes = make([]HeldAddress, 100), make([]HeardFrom, 100), make([]HeldRoute, 100)
		s.VRRP, s.Checks, s.Notify = append(s.VRRP, router), append(s.Checks, check), append(s.Notify, target)
		s.Warnings = append(s.Warnings, fmt.Sprint("w", i))
	}
	s.BGP = &BGP{Wanted: make([]string, 1000), Announced: make([]string, 1000), Neighbors: make([]BGPNeighbor, 1000)}
	s.IPVS = &IPVS{Foreign: make([]string, 1000)}
	return s
}

// keepsToLimits checks that an overview is small, and has first what is not well.
func keepsToLimits(t *testing.T, o Overview) {
	t.Helper()
	servers := 0
	for _, s := range o.Services {
		servers += len(s.Servers)
	}
	if len(o.VRRP) > overviewRouters || len(o.Checks) > overviewChecks || len(o.Services) > overviewServices || servers > overviewServers ||
		len(o.Notify) > overviewOthers || len(o.Warnings) > overviewOthers || len(o.BGP.Neighbors) > overviewOthers || len(o.BGP.Wanted) > overviewOthers ||
		len(o.BGP.Announced) > overviewOthers || len(o.IPVS.Foreign) > overviewOthers || len(o.Sizes) != len(o.Services) {
		t.Errorf("%d routers, %d checks, %d services, %d servers, …: beyond the limits", len(o.VRRP), len(o.Checks), len(o.Services), servers)
	}
	for _, r := range o.VRRP {
		if len(r.Addresses) > overviewAddresses || len(r.Routes) > overviewAddresses || len(r.Heard) > overviewHeard {
			t.Errorf("router %s has %d addresses, %d routes, %d others", r.Name, len(r.Addresses), len(r.Routes), len(r.Heard))
		}
	}
	if o.VRRP[0].Name != "r999" || o.Checks[0].Name != "c999" || o.Notify[0].Target != "t999" || o.Services[0].Name != "s999" || o.Services[0].Servers[0].State != ServerDown {
		t.Errorf("first are %s, %s, %s, %s: want what is not well", o.VRRP[0].Name, o.Checks[0].Name, o.Notify[0].Target, o.Services[0].Name)
	}
	if o.Sizes[0] != (Size{5, 4, 10}) || o.Totals != (OverviewTotals{
		VRRP: 1000, Checks: 1000, Services: 1000, Servers: 5000, Up: 4999, Notify: 1000, Warnings: 1000,
		VRRPTroubled: 1, ChecksFailed: 1, ServicesBad: 1, ServicesWaiting: 1,
	}) {
		t.Errorf("size %+v, totals %+v: want those of all", o.Sizes[0], o.Totals)
	}
}

func TestOverviewIsBounded(t *testing.T) {
	s := manySick()
	o := OverviewOf(s)
	keepsToLimits(t, o)
	if diff := cmp.Diff(manySick(), s); diff != "" {
		t.Errorf("the status is another one than before:\n%s", diff)
	}
	text, err := json.Marshal(o.complete())
	if err != nil || len(text) > maxOverview/2 || strings.Contains(string(text), "null") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// What a peer sends is cut to the limits, too; twice makes no difference.
func TestOverviewOfAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := manySick()
		full := OverviewOf(s)
		full.VRRP, full.Checks, full.Notify, full.Warnings, full.BGP, full.IPVS = s.VRRP[980:], s.Checks[800:], s.Notify, s.Warnings, s.BGP, s.IPVS
		backend := &fakeBackend{overview: full}
		ln, stop := servePipe(t, PeerHandler(backend))
		defer stop()
		c := NewPeerClient((&fleet{nodes: map[string]*pipeListener{"lb2": ln, "lb3": ln}}).dial)
		defer c.CloseIdleConnections()
		o, err := c.Overview(t.Context(), "lb2")
		if err != nil {
			t.Fatal(err)
		}
		keepsToLimits(t, o)
		if _, err := c.Overview(t.Context(), "lb3"); err == nil || !strings.Contains(err.Error(), "lb2") {
			t.Errorf("an answer in the name of another node: %v", err)
		}
		backend.overview = Overview{Format: OverviewFormat + 1, Node: "lb2"}
		if _, err := c.Overview(t.Context(), "lb2"); !errors.Is(err, ErrNoOverview) {
			t.Errorf("an overview of another format: %v", err)
		}
		backend.overview = Overview{Format: OverviewFormat, Node: "lb2", Warnings: []string{strings.Repeat("x", maxOverview)}}
		if _, err := c.Overview(t.Context(), "lb2"); err == nil || !strings.Contains(err.Error(), "1048576 bytes") {
			t.Errorf("an overview that is too large: %v", err)
		}
	})
}

// A peer of an older version has no overview.
func TestOverviewOfAnOlderPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := PeerHandler(&fakeBackend{}).(routes)
		delete(handler, overviewPath)
		ln, stop := servePipe(t, handler)
		defer stop()
		c := NewPeerClient((&fleet{nodes: map[string]*pipeListener{"lb2": ln}}).dial)
		defer c.CloseIdleConnections()
		if _, err := c.Overview(t.Context(), "lb2"); !errors.Is(err, ErrNoOverview) {
			t.Errorf("%v, want %v", err, ErrNoOverview)
		}
	})
}

func TestWorst(t *testing.T) {
	all := []int{0, 2, 0, 3, 1, 0}
	trouble := func(n *int) int { return *n }
	for n, want := range map[int][]int{-1: {}, 0: {}, 2: {3, 2}, 4: {3, 2, 1, 0}, 9: {3, 2, 1, 0, 0, 0}} {
		if got := worst(all, n, trouble); !slices.Equal(got, want) {
			t.Errorf("%d of %v: %v, want %v", n, all, got, want)
		}
	}
}
