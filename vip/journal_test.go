package vip

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestJournal: lines are written once, and too many of one message are counted.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		j := journal{log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 2 * limitBurst {
			j.Say(slog.LevelInfo, "again")
		}
		j.Say(slog.LevelInfo, "once")
		j.Say(slog.LevelDebug, "too fine")
		j.Flush()
		j.Flush()
		if got := strings.Count(log.String(), "again"); got != limitBurst {
			t.Errorf("%d lines of one message, want %d", got, limitBurst)
		}
		if strings.Count(log.String(), "once") != 1 || strings.Contains(log.String(), "too fine") || strings.Contains(log.String(), "suppressed") {
			t.Errorf("the log is\n%s", log.String())
		}
		time.Sleep(limitPeriod)
		j.Say(slog.LevelInfo, "again")
		j.Flush()
		if !strings.Contains(log.String(), "lines_suppressed=5") {
			t.Errorf("the log is\n%s", log.String())
		}
	})
}

// TestLog: what is told of each thing that happens, without the time.
func TestLog(t *testing.T) {
	const vip = "198.18.0.100/24"
	refuse := func(kind int, err error) func(*Manager, *fakeKernel) {
		return func(m *Manager, k *fakeKernel) {
			k.refuses(kind, err)
			_ = m.Set(m.configured)
			_ = m.Set(nil)
		}
	}
	tests := []struct {
		name  string
		event func(*Manager, *fakeKernel)
		want  string
	}{
		{"taken and released", refuse(99, nil), `level=INFO msg="addresses changed" added=1 removed=0 errors=0
level=INFO msg="addresses changed" added=0 removed=1 errors=0
`},
		{"refused", refuse(unix.RTM_NEWADDR, unix.EPERM), ``},
		{"not released", refuse(unix.RTM_DELADDR, unix.EPERM), `level=INFO msg="addresses changed" added=1 removed=0 errors=0
`},
		{"not announced", refuse(0, unix.ENOBUFS), `level=WARN msg="announcement not sent" vip="198.18.0.100/24 eth0" error="announce on eth0: no buffer space available\nannounce on eth0: no buffer space available"
level=INFO msg="addresses changed" added=1 removed=0 errors=0
level=INFO msg="addresses changed" added=0 removed=1 errors=0
`},
		{"was there, wanted", func(m *Manager, k *fakeKernel) {
			k.put(2, vip)
			_ = m.Set(m.configured)
		}, `level=INFO msg="address was there already, taken over" vip="198.18.0.100/24 eth0"
`},
		{"was there, not wanted", func(m *Manager, k *fakeKernel) {
			k.put(2, vip)
			_ = m.Set(nil)
		}, `level=WARN msg="address removed that this node must not hold" address="198.18.0.100/24 on interface 2"
level=INFO msg="addresses changed" added=0 removed=1 errors=0
`},
		{"was there, not wanted, stays", func(m *Manager, k *fakeKernel) {
			k.put(2, vip)
			k.refuses(unix.RTM_DELADDR, unix.EPERM)
			_ = m.Set(nil)
		}, ``},
		{"put back", func(m *Manager, k *fakeKernel) {
			_ = m.Set(m.configured)
			_ = k.byHand(2, vip)
			_ = m.Set(m.configured)
		}, `level=INFO msg="addresses changed" added=1 removed=0 errors=0
level=WARN msg="address put back that somebody else had removed" vip="198.18.0.100/24 eth0" times=1
level=INFO msg="addresses changed" added=1 removed=0 errors=0
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}
			m, k := fakeWith(t, Options{Log: slog.New(slog.NewTextHandler(&log, options))}, vips(vip))
			test.event(m, k)
			must(t, m.Close())
			if log.String() != test.want {
				t.Errorf("the log is\n%s\nwant\n%s", log.String(), test.want)
			}
		})
	}
}

// TestLogOfRun: an error is told when it comes, once, and again when it comes back.
func TestLogOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		all := vips("198.18.0.100/24")
		m, k := holding(t, Options{Lifetime: 8 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}, all)
		stop := start(t, m)
		told := func(message string, want int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(log.String(), message); got != want {
				t.Errorf("%q is in the log %d times, want %d:\n%s", message, got, want, log.String())
			}
		}
		for round := range 2 {
			time.Sleep(limitPeriod)
			k.refuses(unix.RTM_DELADDR, unix.EPERM)
			_ = m.Set(nil)
			time.Sleep(5 * retryAfter)
			told("addresses are not as wanted", 1+round)
			k.refuses(0, nil)
			must(t, m.Set(all))
			time.Sleep(2 * retryAfter)
		}
		k.refuses(unix.RTM_NEWADDR, unix.ENOMEM)
		time.Sleep(2*time.Second + 100*time.Millisecond)
		told("lifetime not refreshed", 1)
		stop()
		must(t, m.Close())
	})
}
