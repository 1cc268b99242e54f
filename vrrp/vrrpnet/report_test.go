package vrrpnet

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// What is wrong with another router is logged.
func TestRefusedRoutersAreLogged(t *testing.T) {
	a, b := newPair(t)
	var log lines
	a.log = slog.New(slog.NewTextHandler(&log, nil))
	a.run()
	b.run()
	a.configure(instance(7, 100, version2, auth(vrrp.Password, "secret")))
	b.configure(instance(7, 200, version2, auth(vrrp.Password, "another")))
	within(t, "a line", func() bool {
		return strings.Contains(log.String(), "name=v7 router=198.18.0.2 reason=\"its password is another")
	})
}

// The loop says when there may be something to log, and only then: who logs asks it for
// nothing else.
func TestTheLoopSaysWhatIsNotable(t *testing.T) {
	a, b := newPair(t)
	master, backup := still(t, a, instance(7, 200)), still(t, b, instance(7, 100))
	notable := func(e *Engine, what string, want bool) {
		t.Helper()
		if got := e.notable.Swap(false); got != want {
			t.Errorf("%s: notable %t, want %t", what, got, want)
		}
	}
	said := func() {
		for range 5 {
			master.advance()
		}
		backup.hearAll()
		backup.post()
	}
	said()
	backup.notable.Store(false)
	said()
	notable(backup, "good adverts", false)
	notable(master, "they leave", false)
	master.runners["v7"].wire.Reconfigure(func() vrrp.WireConfig {
		c := master.runners["v7"].wireConfig()
		c.Auth.Kind = vrrp.Password
		c.Version = vrrp.V2
		return c
	}())
	said()
	notable(backup, "adverts that are refused", true)
	for _, s := range master.senders {
		s.transmit = func(int, []message) (int, error) { return 0, unix.ENOBUFS }
	}
	master.advance()
	notable(master, "adverts that do not leave", true)
	backup.posts.wanted, backup.posts.outdated = true, true
	backup.post()
	notable(backup, "a lookout", true)
}

// An error of sending is logged once a minute.
func TestSendErrorsAreLogged(t *testing.T) {
	a, _ := newPair(t)
	e := still(t, a, instance(7, 100))
	r := e.runners["v7"]
	fail := func(at time.Duration, err error) bool {
		r.queued++
		r.failed(err)
		_, due := r.report(at)
		return due
	}
	for i, tt := range []struct {
		at   time.Duration
		err  error
		want bool
	}{
		{time.Second, unix.ENOBUFS, true},
		{2 * time.Second, unix.ENOBUFS, false},
		{3 * time.Second, unix.ENETDOWN, true},
		{4 * time.Second, unix.ENETDOWN, false},
		{2 * time.Minute, unix.ENETDOWN, true},
	} {
		if got := fail(tt.at, tt.err); got != tt.want {
			t.Errorf("line %d: %t, want %t", i, got, tt.want)
		}
	}
	if _, due := r.report(time.Hour); due {
		t.Error("no error is logged")
	}
}
