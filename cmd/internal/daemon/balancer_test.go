package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
	"github.com/perch-vip/perch/ipvs"
)

func newTestBalancer(t testing.TB, cfg *config.Config) *balancer {
	log := slog.New(slog.DiscardHandler)
	s, _ := newTestSyncer(t, log)
	return &balancer{
		kernel:   &fakeIPVS{},
		syncer:   s,
		config:   func() *config.Config { return cfg },
		verdicts: func() verdicts { return nil },
		ease:     func(map[string]bool) {},
		machine:  func() (map[netip.Addr]bool, error) { return nil, nil },
		orders:   func() state.Orders { return nil },
		where:    func() whereabouts { return nil },
		tell:     func(*config.Service, ipvs.Event) {},
		log:      log,
		poke:     make(chan struct{}, 1),
		begin:    time.Now(),
	}
}

// fakeIPVS remembers what the kernel is to have.
type fakeIPVS struct {
	mu       sync.Mutex
	left     []ipvs.Service
	failures int // of Inherited
	services []ipvs.Service
	settings ipvs.Settings
	sets     int
	status   ipvs.Status
	counted  []ipvs.Counted
	countErr error
}

func (k *fakeIPVS) Set(services []ipvs.Service, settings ipvs.Settings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.services, k.settings = services, settings
	k.sets++
}

func (k *fakeIPVS) calls() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sets
}

func (k *fakeIPVS) Inherited() ([]ipvs.Service, error) {
	if k.failures > 0 {
		k.failures--
		return nil, errors.New("interrupted")
	}
	return k.left, nil
}

func (k *fakeIPVS) Counters() ([]ipvs.Counted, error) { return k.counted, k.countErr }
func (k *fakeIPVS) Status() ipvs.Status               { return k.status }

// table is what the kernel is to have: "tcp 198.18.0.1:80: 10.0.0.1:80 1".
func (k *fakeIPVS) table() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []string
	for _, s := range k.services {
		line := s.Key.String() + ":"
		for _, server := range s.Servers {
			line += fmt.Sprintf(" %s %d", server.Address, server.Weight)
		}
		lines = append(lines, line)
	}
	return lines
}

// lab is a balancer with all that it depends on in the hands of a test.
type lab struct {
	*balancer
	kernel *fakeIPVS
	syncs  *syncSetter
	said   func() []string

	mu       sync.Mutex // held while one of what follows is changed that a running balancer reads
	cfg      *config.Config
	verdicts verdicts
	orders   state.Orders
	where    whereabouts
	told     []string
}

// webService is a service with two servers, "a" and "b" by their checks.
func webService(name string) config.Service {
	server := func(address, check string) config.RealServer {
		return config.RealServer{Address: netip.MustParseAddrPort(address), Weight: 1, Forward: "nat", Checks: []config.Track{{Check: check}}}
	}
	return config.Service{
		Name: name, Addresses: addrPorts("198.18.0.1:80"), Protocol: "tcp", Scheduler: "wlc", Start: "checked", Quorum: 1,
		Servers: []config.RealServer{server("10.0.0.1:80", "a"), server("10.0.0.2:80", "b")},
	}
}

var labVIP = netip.MustParseAddr("198.18.0.1")

func newBalancerLab(t testing.TB) *lab {
	l := &lab{
		cfg:      &config.Config{IPVS: config.IPVS{Nodes: "candidates"}, Services: []config.Service{webService("web")}},
		verdicts: verdicts{"a": {state: passed}, "b": {state: passed}},
		where:    whereabouts{labVIP: here},
		kernel:   &fakeIPVS{},
	}
	l.balancer = newTestBalancer(t, nil)
	l.log, l.said = captured()
	l.syncer, l.syncs = newTestSyncer(t, l.log)
	l.balancer.kernel = l.kernel
	l.config = func() *config.Config { return locked(l, &l.cfg) }
	l.balancer.verdicts = func() verdicts { return locked(l, &l.verdicts) }
	l.balancer.orders = func() state.Orders { return locked(l, &l.orders) }
	l.balancer.where = func() whereabouts { return locked(l, &l.where) }
	l.tell = func(s *config.Service, e ipvs.Event) { l.told = append(l.told, fmt.Sprint(s.Name, " ", e.Kind)) }
	return l
}

func locked[T any](l *lab, v *T) T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *v
}

// change changes what a balancer that runs may read.
func (l *lab) change(to func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to()
}

func (l *lab) reloads(change func(*config.Config)) {
	fresh := *l.cfg
	fresh.Services = slices.Clone(fresh.Services)
	change(&fresh)
	l.cfg = &fresh
}

func (l *lab) want(t *testing.T, when string, table ...string) {
	t.Helper()
	if got := l.kernel.table(); !slices.Equal(got, table) {
		t.Errorf("%s: the kernel is to have %q, want %q", when, got, table)
	}
}

func (l *lab) wantTold(t *testing.T, when string, told ...string) {
	t.Helper()
	if !slices.Equal(l.told, told) {
		t.Errorf("%s: told %q, want %q", when, l.told, told)
	}
	l.told = nil
}

func TestBalancerFollowsVerdictsAndOrders(t *testing.T) {
	l := newBalancerLab(t)
	l.verdicts = verdicts{"a": {state: passed}}
	l.step()
	l.want(t, "b is unknown", "tcp 198.18.0.1:80: 10.0.0.1:80 1")
	l.wantTold(t, "at first", "web server_up", "web quorum_up")
	l.verdicts = verdicts{"a": {state: passed}, "b": {state: passed, weight: new(uint32(9))}}
	l.step()
	l.want(t, "b came up", "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 9")
	l.orders = state.Orders{"web": {"10.0.0.1:80": {Drain: true}}, "other": {"10.0.0.2:80": {Drain: true}}}
	l.step()
	l.want(t, "a is drained", "tcp 198.18.0.1:80: 10.0.0.1:80 0 10.0.0.2:80 9")
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: failed}}
	l.told = nil
	l.step()
	l.wantTold(t, "both failed", "web server_down", "web server_down", "web quorum_down")
	l.step()
	l.step()
	l.wantTold(t, "nothing is new")
}

// All that comes up at a boot is one line of debug each; what changes then is told.
func TestBalancerSaysLittleAtABoot(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	if lines := l.said(); len(lines) > 0 {
		t.Errorf("said %q", lines)
	}
	l.verdicts = verdicts{"a": {state: failed, reason: "failed 3 of 3"}, "b": {state: passed}}
	l.step()
	l.verdicts = verdicts{"a": {state: passed}, "b": {state: passed}}
	l.step()
	lines := l.said()
	if len(lines) != 2 || !strings.Contains(lines[0], `event=server_down service=web server=10.0.0.1:80 reason="check a failed 3 of 3"`) ||
		!strings.Contains(lines[1], "event=server_up") {
		t.Errorf("said %q", lines)
	}
}

func TestOnlyTheOwnerTells(t *testing.T) {
	l := newBalancerLab(t)
	l.where = whereabouts{labVIP: elsewhere}
	l.step()
	l.wantTold(t, "elsewhere")
	l.where = whereabouts{labVIP: here}
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: passed}}
	l.step()
	l.wantTold(t, "here", "web quorum_up", "web server_down")
}

// A node that was frozen, and has not released its addresses yet, is the owner no more: it
// tells nobody of what it finds. All else stays as it is until they have gone.
func TestNothingIsToldByAnOwnerThatWas(t *testing.T) {
	l := newBalancerLab(t)
	l.cfg.IPVS.Nodes, l.cfg.IPVS.Sync = "owner", &config.IPVSSync{}
	l.step()
	l.told = nil
	l.where = whereabouts{labVIP: releasing}
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: passed}}
	l.step()
	l.wantTold(t, "releasing")
	l.want(t, "releasing", "tcp 198.18.0.1:80: 10.0.0.2:80 1")
	if want, _ := l.syncer.status(); !slices.Equal(want, asMaster) {
		t.Errorf("sync is %v", want)
	}
	l.where = whereabouts{labVIP: here}
	l.step()
	l.wantTold(t, "the owner again", "web quorum_up")
}

// Nobody knows whether those who are told know of a quorum from before: the last run may
// have told them of its own end, or may have been killed before it had told anything.
func TestOneWhoBeginsHereIsToldOfTheQuorum(t *testing.T) {
	l := newBalancerLab(t)
	l.had = []ipvs.Service{{
		Key:     ipvs.KeyOf(ipvs.TCP, l.cfg.Services[0].Addresses[0]),
		Servers: []ipvs.Server{{Address: l.cfg.Services[0].Servers[0].Address, Weight: 1}},
	}}
	l.verdicts = nil
	l.step()
	l.wantTold(t, "servers are there", "web quorum_up")
	l.step()
	l.wantTold(t, "after that")
	l.verdicts = verdicts{"a": {state: failed}, "b": {state: failed}}
	l.reloads(func(c *config.Config) { c.Services[0].Name = "shop" })
	l.step()
	l.wantTold(t, "begun among dead servers", "shop server_down", "shop server_down", "shop quorum_down")
}

// Whoever takes a service over is told how its quorum stands, once, and not how it stood.
func TestNewOwnerIsToldOfTheQuorum(t *testing.T) {
	l := newBalancerLab(t)
	l.verdicts = nil
	l.where = whereabouts{labVIP: elsewhere}
	l.step()
	l.where = whereabouts{labVIP: here}
	l.step()
	l.wantTold(t, "nothing is known of the quorum")
	for _, c := range []struct {
		state judgement
		told  string
	}{{passed, "web quorum_up"}, {failed, "web quorum_down"}} {
		l.where = whereabouts{labVIP: elsewhere}
		l.verdicts = verdicts{"a": {state: c.state}, "b": {state: c.state}}
		l.step()
		l.wantTold(t, "elsewhere")
		l.where = whereabouts{labVIP: here}
		l.step()
		l.wantTold(t, "here", c.told)
		l.cfg = &config.Config{IPVS: l.cfg.IPVS, Services: l.cfg.Services}
		l.step()
		l.wantTold(t, "after a reload")
	}
	l.where = whereabouts{labVIP: elsewhere}
	l.step()
	l.where, l.verdicts = whereabouts{labVIP: here}, verdicts{"a": {state: passed}}
	l.step()
	l.wantTold(t, "another verdict comes with it", "web server_up", "web quorum_up")
}

func TestServicesAreWhereTheyMayBe(t *testing.T) {
	table := "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1"
	for _, tc := range []struct {
		nodes  string
		at     place
		want   []string
		wanted bool
	}{
		{"candidates", here, []string{table}, true},
		{"candidates", elsewhere, []string{table}, true},
		{"owner", here, []string{table}, true},
		{"owner", elsewhere, nil, false},
	} {
		l := newBalancerLab(t)
		l.where, l.cfg.IPVS.Nodes = whereabouts{labVIP: tc.at}, tc.nodes
		l.step()
		l.want(t, fmt.Sprint(tc.nodes, " ", tc.at), tc.want...)
		if shown := l.picture()["web"]; shown.wanted != tc.wanted {
			t.Errorf("%s %d: shown as %t", tc.nodes, tc.at, shown.wanted)
		}
	}
	l := newBalancerLab(t)
	l.cfg.Node.Name, l.cfg.VIPs = "n1", nodeWithServices().VIPs
	l.cfg.Cluster, l.cfg.IPVS.OwnAll = witnessWithServices().Cluster, true
	l.step()
	l.want(t, "witness")
	if l.kernel.settings != (ipvs.Settings{}) {
		t.Errorf("a witness wants %+v", l.kernel.settings)
	}
}

// What an earlier run has left goes on until there are verdicts.
func TestBalancerTakesOverWhatWasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		l.verdicts = nil
		l.kernel.left = []ipvs.Service{{
			Key:     ipvs.KeyOf(ipvs.TCP, l.cfg.Services[0].Addresses[0]),
			Servers: []ipvs.Server{{Address: l.cfg.Services[0].Servers[1].Address, Weight: 7}},
		}}
		l.kernel.failures = inheritTries - 1
		go func() { _ = l.run(t.Context()) }()
		synctest.Wait()
		if l.kernel.calls() > 0 {
			t.Error("something was set before it was known what there is")
		}
		time.Sleep(inheritTries * inheritPause)
		l.want(t, "without a verdict", "tcp 198.18.0.1:80: 10.0.0.2:80 7")
	})
}

// A kernel that does not tell what it has does not keep perch from balancing.
func TestBalancerBeginsAnewIfItHasTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		l.kernel.failures = 100
		go func() { _ = l.run(t.Context()) }()
		time.Sleep(time.Minute)
		l.want(t, "at last", "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1")
		if lines := l.said(); len(lines) != 1 || !strings.Contains(lines[0], "begin anew") {
			t.Errorf("said %q", lines)
		}
	})
}

// Services of which only a record of an earlier run knows are swept.
func TestBalancerSetsNothingWithoutServices(t *testing.T) {
	l := newBalancerLab(t)
	l.cfg = &config.Config{}
	l.step()
	if l.kernel.calls() != 1 || len(l.kernel.services) > 0 {
		t.Errorf("set %d times: %v", l.kernel.calls(), l.kernel.services)
	}
}

func TestBalancerAndReloads(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	l.verdicts = nil // checks of other names begin
	l.reloads(func(c *config.Config) { c.Services[0].Servers[0].Weight = 5 })
	l.step()
	l.want(t, "another weight", "tcp 198.18.0.1:80: 10.0.0.1:80 5 10.0.0.2:80 1")
	l.reloads(func(c *config.Config) { c.Services[0].Name = "shop" })
	l.step()
	l.want(t, "another name", "tcp 198.18.0.1:80: 10.0.0.1:80 5 10.0.0.2:80 1")
	l.reloads(func(c *config.Config) {
		c.Services = append(c.Services, webService("new"))
		c.Services[1].Addresses = addrPorts("198.18.0.2:80")
	})
	l.step()
	l.want(t, "a new service", "tcp 198.18.0.1:80: 10.0.0.1:80 5 10.0.0.2:80 1", "tcp 198.18.0.2:80:")
	l.reloads(func(c *config.Config) { c.Services = c.Services[1:] })
	l.step()
	l.want(t, "one less", "tcp 198.18.0.2:80:")
	l.verdicts = verdicts{"a": {state: passed, value: 2, known: true}, "b": {state: passed}}
	l.reloads(func(c *config.Config) { c.Services[0].Servers[0].Checks = []config.Track{{Check: "a", Weight: 4}} })
	l.step()
	l.want(t, "a number", "tcp 198.18.0.2:80: 10.0.0.1:80 9 10.0.0.2:80 1")
	l.reloads(func(c *config.Config) { c.Services[0].Servers[0].Checks = []config.Track{{Check: "a", Weight: 5}} })
	l.step()
	l.want(t, "a number that counts for more", "tcp 198.18.0.2:80: 10.0.0.1:80 11 10.0.0.2:80 1")
	if names := slices.Collect(maps.Keys(l.picture())); !slices.Equal(names, []string{"new"}) {
		t.Errorf("shown are %q", names)
	}
}

// What is shown of a server goes on over a reload, and what was up does not come up anew.
func TestReloadForgetsNothing(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	before := l.picture()["web"].since
	l.reloads(func(c *config.Config) { c.Services[0].Servers[0].Weight = 5 })
	l.step()
	if after := l.picture()["web"].since; !maps.Equal(before, after) {
		t.Errorf("since %v, before %v", after, before)
	}
}

// A server that is drained, or has another weight by order, stays so over reloads that
// change it, and over one that leaves it out.
func TestOrdersSurviveReloads(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	l.orders = state.Orders{"web": {"10.0.0.1:80": {Drain: true}, "10.0.0.2:80": {Weight: new(uint32(7))}}}
	l.step()
	const ordered = "tcp 198.18.0.1:80: 10.0.0.1:80 0 10.0.0.2:80 7"
	l.want(t, "ordered", ordered)
	l.reloads(func(c *config.Config) {
		c.Services = []config.Service{webService("web")}
		c.Services[0].Servers[0].Weight = 5
	})
	l.step()
	l.want(t, "another weight", ordered)
	l.reloads(func(c *config.Config) { c.Services[0].Servers = c.Services[0].Servers[1:] })
	l.step()
	l.want(t, "left out", "tcp 198.18.0.1:80: 10.0.0.2:80 7")
	l.reloads(func(c *config.Config) { c.Services = []config.Service{webService("web")} })
	l.step()
	l.want(t, "there again", ordered)
}

// A reload in the middle of a step has new servers wait for the next: the verdicts are of
// the checks from before.
func TestReloadInTheMiddleOfAStep(t *testing.T) {
	l := newBalancerLab(t)
	l.balancer.verdicts = func() verdicts {
		old := l.verdicts
		l.reloads(func(c *config.Config) { c.Services[0].Servers = c.Services[0].Servers[:1] })
		return old
	}
	l.step()
	l.want(t, "after a step", "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1")
	l.step()
	l.want(t, "after the next", "tcp 198.18.0.1:80: 10.0.0.1:80 1")
}

// A new service is not judged by what the kernel had before the one that had its key went.
func TestWhatWasLeftCountsOnce(t *testing.T) {
	l := newBalancerLab(t)
	l.had = []ipvs.Service{{
		Key:     ipvs.KeyOf(ipvs.TCP, l.cfg.Services[0].Addresses[0]),
		Servers: []ipvs.Server{{Address: l.cfg.Services[0].Servers[0].Address, Weight: 7}},
	}}
	l.verdicts = nil
	with := l.cfg
	l.cfg = &config.Config{}
	l.step()
	l.cfg = with
	l.step()
	l.want(t, "it begins", "tcp 198.18.0.1:80:")
}

func TestSlowStartGoesOnByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		l.begin = time.Now()
		s := &l.cfg.Services[0].Servers[0]
		s.Weight, s.SlowStart = 100, 10*time.Second
		l.verdicts["a"] = &verdict{state: failed}
		go func() { _ = l.run(t.Context()) }()
		time.Sleep(time.Second)
		l.change(func() { l.verdicts = verdicts{"a": {state: passed}, "b": {state: passed}} })
		l.wake()
		synctest.Wait()
		l.want(t, "at first", "tcp 198.18.0.1:80: 10.0.0.1:80 1 10.0.0.2:80 1")
		time.Sleep(1500 * time.Millisecond)
		l.want(t, "after a step", "tcp 198.18.0.1:80: 10.0.0.1:80 10 10.0.0.2:80 1")
		time.Sleep(10 * time.Second)
		l.want(t, "in the end", "tcp 198.18.0.1:80: 10.0.0.1:80 100 10.0.0.2:80 1")
	})
}

// balancingDaemon is a daemon of which only what balances load runs.
func balancingDaemon(t *testing.T, l *lab) (d *daemon, p *programs) {
	d = &daemon{log: l.log, balancer: l.balancer, services: ipvs.New(ipvs.Config{}), book: &orderBook{}, released: make(chan struct{})}
	close(d.released)
	d.current.Store(&loaded{config: l.cfg})
	d.tuning = sysctl.NewKeeper(filepath.Join(t.TempDir(), "sysctls.json"), l.log)
	p = testNotifier(t, d, l.cfg)
	l.tell = d.tellService
	return d, p
}

// The sync daemon is another one at once, not only at the next look.
func TestBalancerFollowsMovesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		l.cfg.IPVS.Sync = &config.IPVSSync{}
		l.where = whereabouts{labVIP: elsewhere}
		d, _ := balancingDaemon(t, l)
		elected, ordered := make(chan struct{}, 1), make(chan struct{}, 1)
		d.routers, d.book.given = &routers{moved: elected}, ordered
		ctx, cancel := context.WithCancel(t.Context())
		g, parts := errgroup.WithContext(ctx)
		d.runBalancer(&crew{g, func(error) {}}, parts)
		synctest.Wait()
		l.syncs.want(t, "at first", asBackup)
		l.change(func() { l.where = whereabouts{labVIP: here} })
		elected <- struct{}{}
		l.syncs.want(t, "after a move", asMaster)
		l.change(func() { l.orders = state.Orders{"web": {"10.0.0.1:80": {Weight: new(uint32(3))}}} })
		ordered <- struct{}{}
		synctest.Wait()
		l.want(t, "after an order", "tcp 198.18.0.1:80: 10.0.0.1:80 3 10.0.0.2:80 1")
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		l.syncs.want(t, "at the end", nil)
	})
}

func TestBalancerFollowsTheClusterAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		l.cfg.IPVS.Sync = &config.IPVSSync{}
		d, _ := balancingDaemon(t, l)
		l.cfg.Cluster = &config.Cluster{}
		d.member = &member{node: &cluster.Node{}, holder: &holder{moved: make(chan struct{}, 1)}}
		ctx, cancel := context.WithCancel(t.Context())
		g, parts := errgroup.WithContext(ctx)
		d.runBalancer(&crew{g, func(error) {}}, parts)
		l.syncs.want(t, "at first", asMaster)
		l.change(func() { l.where = whereabouts{labVIP: elsewhere} })
		d.member.holder.moved <- struct{}{}
		l.syncs.want(t, "after a move", asBackup)
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// What costs much is done only where something is new.
func TestNothingIsDecidedAnewWithoutNews(t *testing.T) {
	l := newBalancerLab(t)
	l.step()
	before := l.picture()["web"].ruling
	l.verdicts = maps.Clone(l.verdicts)
	l.step()
	if l.picture()["web"].ruling != before {
		t.Error("decided anew")
	}
	l.verdicts["a"] = &verdict{state: failed}
	l.step()
	if l.picture()["web"].ruling == before {
		t.Error("not decided anew")
	}
}

func TestTheEndBeginsBeforeAddressesGo(t *testing.T) {
	for name, end := range map[string]func(*daemon) error{
		"stopped":       func(d *daemon) error { return d.stop(t.Context()) },
		"a part failed": (*daemon).letGo,
	} {
		l := newBalancerLab(t)
		if err := end(&daemon{systemd: &systemd{log: l.log}, balancer: l.balancer}); err != nil {
			t.Fatal(err)
		}
		if where := l.last.Load(); where == nil || (*where)[labVIP] != here {
			t.Errorf("%s: noted is %v", name, where)
		}
	}
}

func TestRoutersTellOfMoves(t *testing.T) {
	r := &routers{moved: make(chan struct{}, 1)}
	r.were.Store(&masters{})
	for i, tc := range []struct {
		now   masters
		moved int
	}{{masters{}, 0}, {masters{"r": true}, 1}, {masters{"r": true}, 0}, {masters{}, 1}} {
		r.note(tc.now)
		if len(r.moved) != tc.moved {
			t.Errorf("step %d: told %d times", i, len(r.moved))
		}
		if !maps.Equal(*r.were.Load(), tc.now) {
			t.Errorf("step %d: masters %v", i, *r.were.Load())
		}
		for len(r.moved) > 0 {
			<-r.moved
		}
	}
}

// The programs for the end of perch are run though the addresses are given up before, and
// all else that runs them ends at the same time.
func TestProgramsForTheEndAreRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newBalancerLab(t)
		s := &l.cfg.Services[0]
		s.Omega, s.QuorumDown = true, []string{"down", "1s"}
		l.reloads(func(c *config.Config) {
			c.Services = append(c.Services, webService("quiet"))
			c.Services[1].QuorumDown, c.Services[1].Addresses = []string{"quiet", "0s"}, addrPorts("198.18.0.1:81")
		})
		d, p := balancingDaemon(t, l)
		soon := d.balancer.verdicts
		d.balancer.verdicts = func() verdicts { // the last step takes long
			time.Sleep(time.Second)
			return soon()
		}
		ctx, cancel := context.WithCancel(t.Context())
		g, parts := errgroup.WithContext(ctx)
		d.runBalancer(&crew{g, func(error) {}}, parts)
		time.Sleep(2 * time.Second)
		d.balancer.leave()
		l.change(func() { l.where = whereabouts{labVIP: elsewhere} })
		d.balancer.wake()
		synctest.Wait()
		d.balancer.leave() // a part has failed as well
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		p.want(t, "down ended at 4s")
	})
}

// Who does not have the address when the end begins has nothing to tell.
func TestNothingIsToldAtTheEndFromElsewhere(t *testing.T) {
	l := newBalancerLab(t)
	l.cfg.Services[0].Omega = true
	l.step()
	l.where, l.told = whereabouts{labVIP: elsewhere}, nil
	l.step()
	l.end()
	l.wantTold(t, "at the end")
}
