package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/perch-vip/perch/checker"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// manyServices is a config of 1,000 services with 10 servers each, each with a check.
func manyServices() *config.Config {
	c := &config.Config{IPVS: config.IPVS{Nodes: "candidates"}}
	for i := range 1000 {
		a, b := byte(i/250), byte(i%250)
		vip := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, a, b}), 80)
		s := config.Service{
			Name: fmt.Sprint(vip, "/tcp"), Addresses: []netip.AddrPort{vip}, Protocol: "tcp",
			Scheduler: "wlc", Quorum: 1, Start: "checked",
		}
		for j := range 10 {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, a, b, byte(j)}), 80)
			name := "tcp " + address.String()
			c.ServerChecks = append(c.ServerChecks, config.Check{Name: name})
			s.Servers = append(s.Servers, config.RealServer{Address: address, Weight: 1, Forward: "dr", Checks: []config.Track{{Check: name}}})
		}
		c.Services = append(c.Services, s)
	}
	return c
}

// What there is to do when the verdict on one of 10,000 servers is another.
func BenchmarkBalancerOneVerdict(b *testing.B) {
	cfg := manyServices()
	d := newTestBalancer(b, cfg)
	d.kernel = ipvs.New(ipvs.Config{})
	known := verdicts{}
	for _, c := range cfg.ServerChecks {
		known[c.Name] = &verdict{state: passed}
	}
	d.verdicts = func() verdicts { return known }
	d.step()
	one := cfg.ServerChecks[5000].Name
	b.ReportAllocs()
	for b.Loop() {
		weight := uint32(b.Elapsed())
		known[one] = &verdict{state: passed, weight: &weight}
		d.step()
	}
}

// alwaysWell is a check that finds nothing.
type alwaysWell struct{}

func (alwaysWell) Check(context.Context) (checker.Finding, error) { return checker.Finding{}, nil }

func BenchmarkNoteOfManyChecks(b *testing.B) {
	c := &checks{runner: checker.NewRunner(checker.Options{Log: slog.New(slog.DiscardHandler)})}
	schedule := checker.Schedule{Interval: time.Hour, Rise: 1, Fall: 3, Timeout: time.Second, Warmup: time.Millisecond}
	var entries []checker.Entry
	for _, check := range manyServices().ServerChecks {
		entries = append(entries, checker.Entry{Name: check.Name, Checker: alwaysWell{}, Schedule: schedule})
	}
	c.set(entries)
	go func() { _ = c.runner.Run(b.Context()) }()
	for c.all().of(entries[0].Name).state != passed || c.all().of(entries[9999].Name).state != passed {
		<-c.runner.Changed()
		c.note()
	}
	b.ReportAllocs()
	for b.Loop() {
		c.note()
	}
}

// What there is to do when one of 10,000 checks finds another number each time.
func BenchmarkHearOfOneCheck(b *testing.B) {
	c := &checks{runner: checker.NewRunner(checker.Options{Log: slog.New(slog.DiscardHandler)})}
	many := checker.Schedule{Interval: time.Hour, Rise: 1, Fall: 3, Timeout: time.Second, Warmup: time.Hour}
	one := checker.Schedule{Interval: time.Millisecond, Rise: 1, Fall: 3, Timeout: time.Second}
	entries := []checker.Entry{{Name: "one", Checker: &counting{}, Schedule: one}}
	for _, check := range manyServices().ServerChecks {
		entries = append(entries, checker.Entry{Name: check.Name, Checker: alwaysWell{}, Schedule: many})
	}
	c.set(entries)
	go func() { _ = c.runner.Run(b.Context()) }()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		<-c.runner.Changed()
		b.StartTimer()
		c.hear()
	}
}

// counting is a check that finds how often it has looked.
type counting struct{ looks int }

func (c *counting) Check(context.Context) (checker.Finding, error) {
	c.looks++
	return checker.Finding{Value: checker.Value{Is: c.looks, Known: true}}, nil
}
