package vrrpnet

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/perch-vip/perch/vrrp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An instance of two nodes has one master, and the other takes over when it stops.
func TestElections(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(n, other *node) func(*Instance)
	}{
		{"multicast", func(_, _ *node) func(*Instance) { return func(*Instance) {} }},
		{"IPv6", func(_, _ *node) func(*Instance) { return ipv6 }},
		{"unicast", func(_, other *node) func(*Instance) { return unicast(other.own[0]) }},
		{"unicast over IPv6", func(_, other *node) func(*Instance) {
			return func(i *Instance) { ipv6(i); unicast(other.own[1])(i) }
		}},
		{"version 2 with a password", func(_, _ *node) func(*Instance) {
			return func(i *Instance) { version2(i); auth(vrrp.Password, "secret")(i) }
		}},
		{"version 2 behind AH", func(_, _ *node) func(*Instance) {
			return func(i *Instance) { version2(i); auth(vrrp.AH, "secret")(i) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := newPair(t)
			a.run()
			stop := b.run()
			a.configure(instance(7, 100, tt.change(a, b)))
			a.is("v7", vrrp.Master)
			b.configure(instance(7, 200, tt.change(b, a)))
			b.is("v7", vrrp.Master)
			a.is("v7", vrrp.Backup)
			within(t, "the backup knows the master", func() bool { return a.status("v7").Master == b.status("v7").Source })
			stop()
			a.is("v7", vrrp.Master)
		})
	}
}

func TestStop(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	a.configure(instance(7, 100))
	a.is("v7", vrrp.Master)
	a.Stop()
	if a.Holds("v7") || a.lease["v7"].until.Load() != 0 {
		t.Error("it holds its addresses")
	}
	if err := a.Configure(nil); !errors.Is(err, ErrStopped) {
		t.Errorf("Configure: %v", err)
	}
	if got := a.Status(); got != nil {
		t.Errorf("Status: %v", got)
	}
}

func TestStopBeforeTheRun(t *testing.T) {
	e, err := New(Options{})
	must(t, err)
	defer e.Close()
	e.Stop()
	must(t, e.Run(context.Background()))
}

// The loop's progress is even while it waits, and odd while it is at something.
func TestProgress(t *testing.T) {
	a, _ := newPair(t)
	a.run()
	a.configure(instance(7, 100))
	within(t, "a wait", func() bool { return a.Progress()%2 == 0 })
	before := a.Progress()
	var during uint64
	must(t, a.commands.call(func() { during = a.Progress() }))
	if during%2 == 0 || during <= before {
		t.Errorf("progress is %d at work, and was %d before", during, before)
	}
	within(t, "another wait", func() bool { now := a.Progress(); return now > during && now%2 == 0 })
}
