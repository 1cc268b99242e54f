package daemon

import (
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
)

func TestWhereAddressesAre(t *testing.T) {
	cfg := &config.Config{
		VIPs: []config.VIP{{Address: netip.MustParsePrefix("198.18.0.1/24")}},
		VRRP: []config.VirtualRouter{
			{Name: "r1", Addresses: []config.Address{{Prefix: netip.MustParsePrefix("198.18.1.1/24")}}},
			{Name: "r2", ExcludedAddresses: []config.Address{{Prefix: netip.MustParsePrefix("198.18.2.1/24")}}},
		},
		Static: config.Static{Addresses: []config.Address{{Prefix: netip.MustParsePrefix("198.18.3.1/24")}}},
	}
	held := map[string]bool{"r1": true, "r2": true}
	d := &daemon{routers: &routers{holds: func(router string) bool { return held[router] }}}
	d.current.Store(&loaded{config: cfg})
	d.routers.setup.Store(newSetup(cfg))
	d.routers.were.Store(&masters{"r2": true})
	a := netip.MustParseAddr
	want := whereabouts{a("198.18.0.1"): elsewhere, a("198.18.1.1"): elsewhere, a("198.18.2.1"): here}
	if got := d.where(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	held["r2"], want[a("198.18.2.1")] = false, releasing
	if got := d.where(); !maps.Equal(got, want) {
		t.Errorf("a master whose lease has ended: %v, want %v", got, want)
	}
}

// Where the VIPs are hangs on the last lease. Nobody evaluates another one to know it.
func TestWhereTheVIPsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner, a := newFakeCluster(), netip.MustParseAddr("198.18.0.1")
		h := newHolder(owner, &fakeFence{}, func() situation { return situation{} }, slog.New(slog.DiscardHandler))
		d := &daemon{member: &member{holder: h}}
		d.current.Store(&loaded{config: &config.Config{VIPs: []config.VIP{{Address: netip.PrefixFrom(a, 24)}}}})
		want := func(when string, held amount, want place) {
			t.Helper()
			h.done.held = held
			if got := d.where(); !maps.Equal(got, whereabouts{a: want}) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		owner.give(2, time.Minute)
		h.keep()
		owner.evaluated = func() { t.Error("ownership is evaluated") }
		want("not taken yet", none, elsewhere)
		want("the owner", all, here)
		want("on the way out", some, releasing)
		time.Sleep(time.Minute)
		want("its lease has ended, as after a freeze", all, releasing)
	})
}

// A config with services alone has nobody else who makes its data_dir.
func TestBalancerHasAFolder(t *testing.T) {
	cfg := &config.Config{Node: config.Node{DataDir: filepath.Join(t.TempDir(), "lib", "perch")}}
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	if err := d.openBalancer(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cfg.Node.DataDir); err != nil {
		t.Error(err)
	}
}

func TestBalancerNeedsNoFolder(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log, said := captured()
	d := &daemon{log: log}
	if err := d.openBalancer(&config.Config{Node: config.Node{DataDir: filepath.Join(inTheWay, "perch")}}); err != nil {
		t.Errorf("VIPs hang on the folder of services: %v", err)
	}
	if lines := said(); len(lines) == 0 || !strings.Contains(lines[0], "cannot be remembered") {
		t.Errorf("said %q", lines)
	}
}

func TestWitnessMakesNoChecksForVIPs(t *testing.T) {
	cfg := witnessWithServices()
	cfg.Node.DataDir = t.TempDir()
	for i := range cfg.ServerChecks {
		cfg.ServerChecks[i].Kind, cfg.ServerChecks[i].Target = "tcp", "10.0.0.1:80"
	}
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	if err := d.openBalancer(cfg); err != nil {
		t.Fatal(err)
	}
	if got := d.serverChecks.all(); len(got) != 1 {
		t.Errorf("made are %v", got)
	}
}

func TestEntriesNamed(t *testing.T) {
	got := entriesNamed([]config.Check{{Name: "b"}}, []checker.Entry{{Name: "a"}, {Name: "b"}})
	if len(got) != 1 || got[0].Name != "b" {
		t.Errorf("%v", got)
	}
}

// An order that is being written to a slow disk keeps nobody from what stands.
func TestOrdersStandWhileOneIsWritten(t *testing.T) {
	b := openOrderBook(t.TempDir(), slog.New(slog.DiscardHandler))
	b.writing.Lock()
	defer b.writing.Unlock()
	if got := b.orders(); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// The verdict that was found last counts, however many take them over at once.
func TestVerdictsAreTakenOverOneByOne(t *testing.T) {
	c := &checks{runner: checker.NewRunner(checker.Options{})}
	c.noting.Lock()
	noted := make(chan struct{})
	go func() {
		defer close(noted)
		c.note()
	}()
	for range 1000 {
		runtime.Gosched()
	}
	if c.verdicts.Load() != nil {
		t.Error("verdicts were taken over while another does")
	}
	c.noting.Unlock()
	<-noted
	if c.verdicts.Load() == nil {
		t.Error("verdicts were not taken over")
	}
}
