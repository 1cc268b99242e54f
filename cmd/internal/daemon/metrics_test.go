package daemon

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/web"
	"github.com/perch-vip/perch/ipvs"
	"github.com/perch-vip/perch/vip/fence"
)

// measured returns a daemon that has a balancer, and can tell what a scrape shows.
func measured(t testing.TB, b *balancer) *daemon {
	t.Helper()
	cfg := &config.Config{Node: config.Node{Name: "lb1"}}
	d := &daemon{log: slog.New(slog.DiscardHandler), balancer: b, book: openOrderBook(t.TempDir(), slog.New(slog.DiscardHandler))}
	d.current.Store(&loaded{config: cfg})
	d.fence = &fence.Fence{} // none: only one daemon of a machine may have one
	d.supervisor = newSupervisor(nil, func() bool { return false })
	var err error
	if d.checks, err = openChecks(nil, d.log); err != nil {
		t.Fatal(err)
	}
	if err = d.openNotifier(cfg); err != nil {
		t.Fatal(err)
	}
	d.openMetrics(cfg)
	return d
}

func TestWhatAScrapeShows(t *testing.T) {
	l := newBalancerLab(t)
	d := measured(t, l.balancer)
	d.opts.Version = "v1"
	if m := d.measure(); m.Version != "v1" || m.Counted || len(m.Services) != 1 || m.IPVS == nil || m.Services[0].Here {
		t.Errorf("before the first step: %+v", m)
	}
	l.kernel.status.Ready = true
	l.step()
	m := d.measure()
	if s := m.Services[0]; !m.Counted || !s.Here || s.Servers[0].WantedWeight != 1 || s.Servers[0].Weight != 0 {
		t.Errorf("with a kernel that is behind: %+v", m)
	}
	l.kernel.countErr = errors.New("interrupted")
	if m := d.measure(); m.Counted {
		t.Errorf("with a kernel that does not answer: %+v", m)
	}
	l.kernel.countErr, l.where = nil, whereabouts{labVIP: elsewhere}
	l.step()
	if s := d.measure().Services[0]; s.Here || s.Servers[0].WantedWeight != 1 {
		t.Errorf("without the VIP: %+v", s)
	}
	l.cfg.IPVS.Nodes = "owner"
	l.step()
	if s := d.measure().Services[0]; s.Here || s.Servers[0].WantedWeight != 0 {
		t.Errorf("without the VIP, and so without the service: %+v", s)
	}
}

// Whoever asks for a status is told that nobody gets metrics.
func TestStatusSaysThatNoMetricsAreServed(t *testing.T) {
	const why = "neither dashboard nor metrics are served at 127.0.0.1:7401 (node.listen): address already in use"
	s := snapshot{config: &config.Config{}, unserved: why}
	if got := s.status(nil).Warnings; !slices.Contains(got, why) {
		t.Errorf("warnings %q, want %q", got, why)
	}
}

// A reload moves the metrics, at once.
func TestReloadMovesTheMetrics(t *testing.T) {
	r := newReloadable(t)
	r.metrics = web.NewServer(web.Sources{Metrics: func() web.Metrics { return web.Metrics{} }, Events: r.events}, r.log)
	ended := make(chan error, 1)
	go func() { ended <- r.metrics.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().String()
	_ = ln.Close()
	r.listen = at
	r.writeConfig(t, "secret", "normal")
	if result, err := r.reload(); err != nil || len(result.Warnings) > 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	if got := r.config().Node.Listen; got != netip.MustParseAddrPort(at) {
		t.Errorf("the config in force has %s, want %s", got, at)
	}
	for end := time.Now().Add(20 * time.Second); ; {
		text, err := scrape(at)
		if err == nil && strings.Contains(text, "perch_build_info{") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no metrics at %s: %v", at, err)
		}
	}
}

func scrape(at string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + at + "/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// What there is to do for a scrape of 10,000 servers, before it is text.
func BenchmarkMeasure(b *testing.B) {
	cfg := manyServices()
	kernel := &fakeIPVS{status: ipvs.Status{Ready: true}}
	for i := range cfg.Services {
		s := &cfg.Services[i]
		c := ipvs.Counted{Key: ipvs.KeyOf(ipvs.TCP, s.Addresses[0]), Counters: ipvs.Counters{Connections: 1}}
		for j := range s.Servers {
			c.Servers = append(c.Servers, ipvs.CountedServer{Server: ipvs.Server{Address: s.Servers[j].Address, Weight: 1}})
		}
		kernel.counted = append(kernel.counted, c)
	}
	balancer := newTestBalancer(b, cfg)
	balancer.kernel = kernel
	balancer.step()
	d := measured(b, balancer)
	b.ReportAllocs()
	var m web.Metrics
	for b.Loop() {
		m = d.measure()
	}
	if !m.Counted || len(m.Services) != 1000 || m.Services[999].Counters.Connections != 1 {
		b.Errorf("%d services, the last one: %+v", len(m.Services), m.Services[len(m.Services)-1])
	}
}
