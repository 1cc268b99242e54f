package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/vip"
)

// askedProgram is a program that is not really run.
type askedProgram struct{}

func (askedProgram) Ask(context.Context, time.Duration, []string, []string) error { return nil }

func hookDaemon(cfg *config.Config) *daemon {
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	d.targets = newTargets(d.log)
	d.targets.asker = func(argv []string, _ string) (notify.Asker, error) {
		if argv[0] == "/none" {
			return nil, errors.New("no user")
		}
		return askedProgram{}, nil
	}
	d.current.Store(&loaded{config: cfg})
	return d
}

func TestHooksOfConfig(t *testing.T) {
	cfg := &config.Config{
		Cluster: &config.Cluster{Name: "edge"},
		VRRP:    []config.VirtualRouter{{Name: "gw"}, {Name: "lan"}},
		Notify: []config.Notify{
			{Converge: []string{"/bin/claim"}, Timeout: time.Minute, Every: time.Hour},
			{Exec: []string{"/bin/tell"}, On: []string{"owner"}},
			{Converge: []string{"/bin/route"}, VRRP: []string{"lan"}, Timeout: time.Second},
		},
	}
	hooks, err := hookDaemon(cfg).hooksOf(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	keys := map[string]bool{}
	for _, h := range hooks {
		got = append(got, h.Name+" "+string(h.Subject.About)+" "+h.Subject.Name)
		keys[h.Key] = true
	}
	want := []string{"/bin/claim cluster edge", "/bin/claim vrrp gw", "/bin/claim vrrp lan", "/bin/route vrrp lan"}
	if !slices.Equal(got, want) || len(keys) != len(want) || hooks[0].Every != time.Hour || hooks[0].Timeout != time.Minute {
		t.Errorf("%q, want %q", got, want)
	}
	cfg.Notify[0].Converge[0] = "/none"
	if _, err := hookDaemon(cfg).hooksOf(cfg); err == nil || err.Error() != "notify /none: no user" {
		t.Error(err)
	}
}

// The goal of a cluster goes by the lease: a node that was frozen is no owner, whatever it
// still has.
func TestGoalOfTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster()
		h := &holder{cluster: c, done: setting{}}
		cfg := &config.Config{Cluster: &config.Cluster{Name: "edge"}, VIPs: []config.VIP{configVIP("198.18.0.100/24"), configVIP("2001:db8::100/64")}}
		d := hookDaemon(cfg)
		d.member = &member{holder: h}
		want := func(what string, state notify.Kind, term uint64) {
			t.Helper()
			g := d.clusterGoal()
			if g.State != state || g.Term != term || state != "" && (!g.Terms || g.VIPs != "198.18.0.100/24 2001:db8::100/64") {
				t.Errorf("%s: %+v, want %s %d", what, g, state, term)
			}
		}
		want("at the start", notify.Standby, 0)
		h.done = setting{held: all, term: 5}
		h.until.Store(int64(c.Now() + time.Second))
		want("while the lease runs", notify.Owner, 5)
		time.Sleep(time.Second)
		want("once it is over", "", 0)
		h.done.held = some
		h.until.Store(int64(c.Now() + time.Second))
		want("while it releases", "", 0)
		h.done = setting{}
		want("once released", notify.Standby, 5)
	})
}

func configVIP(prefix string) config.VIP {
	return config.VIP{Address: vip4(prefix).Address, Interface: "eth0"}
}

// A master of a router is its owner while its lease runs.
func TestGoalOfARouter(t *testing.T) {
	cfg := &config.Config{VRRP: []config.VirtualRouter{{Name: "gw", Interface: "eth0", Addresses: []config.Address{{Prefix: vip4("198.18.0.200/24").Address, Interface: "eth0"}}}}}
	d := hookDaemon(cfg)
	var allowed atomic.Bool
	r := &routers{}
	r.setup.Store(newSetup(cfg))
	r.were.Store(&masters{})
	r.holds = func(string) bool { return allowed.Load() }
	d.routers = r
	if g := d.routerGoal("gw"); g.State != notify.Standby || g.Terms || g.VIPs != "198.18.0.200/24" {
		t.Errorf("a backup: %+v", g)
	}
	if g := d.routerGoal("none"); g != (notify.Goal{}) {
		t.Errorf("none: %+v", g)
	}
	r.were.Store(&masters{"gw": true})
	if g := d.routerGoal("gw"); g.State != "" {
		t.Errorf("a master without a lease: %+v", g)
	}
	allowed.Store(true)
	if g := d.routerGoal("gw"); g.State != notify.Owner {
		t.Errorf("a master: %+v", g)
	}
	held := 1
	r.news.held = func([]vip.VIP) int { return held }
	r.stopped.Store(true)
	if g := d.routerGoal("gw"); g.State != "" {
		t.Errorf("a master that stops: %+v", g)
	}
	held = 0
	if g := d.routerGoal("gw"); g.State != notify.Standby {
		t.Errorf("one that has stopped: %+v", g)
	}
}

// Status tells how far hooks have come, and warns of those that are late.
func TestHooksInStatus(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := snapshot{config: &config.Config{}, now: now, hooks: []notify.Convergence{{
		Hook: "/bin/claim", Subject: notify.Subject{About: notify.Cluster, Name: "edge"}, State: notify.Failing,
		Goal: notify.Goal{State: notify.Owner, Term: 7, Terms: true}, Since: now.Add(-2 * time.Minute), Error: "exit code 1", Failed: 3,
	}}}
	st := s.status(nil)
	if len(st.Converge) != 1 || st.Converge[0].State != "failing" || st.Converge[0].Goal != "owner" || st.Converge[0].Term != 7 || st.Converge[0].Failed != 3 {
		t.Errorf("%+v", st.Converge)
	}
	want := `converge hook /bin/claim has not brought about "owner 7" of edge for 2m0s: exit code 1`
	if !slices.Contains(st.Warnings, want) {
		t.Errorf("%q", strings.Join(st.Warnings, "\n"))
	}
}

func vip4(prefix string) vip.VIP {
	return vip.VIP{Address: netip.MustParsePrefix(prefix), Interface: "eth0"}
}
