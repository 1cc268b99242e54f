package vip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// settled is fakeWith where the VIPs have been held for longer than the late frames
// of a last owner can take.
func settled(t *testing.T, opts Options, vips []VIP) (*Manager, *fakeKernel) {
	t.Helper()
	m, k := fakeWith(t, opts, vips)
	start(t, m)
	must(t, m.Set(vips))
	time.Sleep(10 * time.Second)
	k.takeRequests()
	return m, k
}

// claims lets a host announce an address on eth0, and lets the Manager deal with it.
func (k *fakeKernel) claims(mac hwAddr, addr netip.Addr) {
	if addr.Is4() {
		k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, mac, addr).appendTo(nil))
	} else {
		k.says(2, unix.ETH_P_IPV6, unsolicitedNA(mac, addr, 0).appendTo(nil))
	}
	synctest.Wait()
}

func wantConflicts(t *testing.T, m *Manager, want Stats) {
	t.Helper()
	got := m.Stats()
	if got.Conflicts != want.Conflicts || got.Defended != want.Defended {
		t.Errorf("%d conflicts, %d times defended, want %d and %d", got.Conflicts, got.Defended, want.Conflicts, want.Defended)
	}
}

// TestConflict: it is counted, shown with the MAC, logged once a minute, and answered.
func TestConflict(t *testing.T) {
	for prefix, answer := range map[string][]string{
		"198.18.0.100/24":  {"request 198.18.0.100", "reply 198.18.0.100"},
		"2001:db8::100/64": {"na 2001:db8::100"},
	} {
		t.Run(prefix, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				all := vips(prefix)
				m, k := settled(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, all)
				k.claims(rivalMAC, all[0].Address.Addr())
				heard := time.Now()
				wantRequests(t, k, answer...)
				time.Sleep(2 * time.Second)
				want := Conflict{MAC: rivalMAC.String(), Count: 1, Last: heard, Ongoing: true}
				if got := m.Status()[0]; got.Conflict != want || !got.Held || got.Reason != "" {
					t.Errorf("status is %+v, want it held with the conflict %+v", got, want)
				}
				k.claims(rivalMAC, all[0].Address.Addr())
				wantConflicts(t, m, Stats{Conflicts: 2, Defended: 2})
				time.Sleep(rivalCalm)
				if got := m.Status()[0].Conflict; got.Ongoing || got.Count != 2 {
					t.Errorf("conflict is %+v after a while without, want 2 and over", got)
				}
				const line = `msg="another host claims a VIP that is held here" vip="%s eth0" mac=02:00:00:00:00:66 times=1`
				if strings.Count(log.String(), "another host") != 1 || !strings.Contains(log.String(), fmt.Sprintf(line, prefix)) {
					t.Errorf("the log is\n%s", log.String())
				}
			})
		})
	}
}

// TestNoConflict: frames that are not another host's, or no wrong.
func TestNoConflict(t *testing.T) {
	addr, eth0, eth1 := netip.MustParseAddr("198.18.0.100"), ethernetLink(2, "eth0"), ethernetLink(3, "eth1")
	tests := []struct {
		name  string
		event func(*testing.T, *Manager, *fakeKernel)
	}{
		{"another address", func(_ *testing.T, _ *Manager, k *fakeKernel) { k.claims(rivalMAC, addr.Next()) }},
		{"another interface", func(_ *testing.T, _ *Manager, k *fakeKernel) {
			k.says(3, unix.ETH_P_ARP, gratuitousARP(arpReply, rivalMAC, addr).appendTo(nil))
		}},
		{"our own frame, back from a bridge", func(_ *testing.T, _ *Manager, k *fakeKernel) { k.claims(eth0.mac, addr) }},
		{"another interface of ours on the same link", func(_ *testing.T, _ *Manager, k *fakeKernel) { k.claims(eth1.mac, addr) }},
		{"malformed", func(_ *testing.T, _ *Manager, k *fakeKernel) {
			k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, rivalMAC, addr).appendTo(nil)[:30])
		}},
		{"just taken", func(t *testing.T, m *Manager, k *fakeKernel) {
			must(t, m.Set(nil))
			must(t, m.Set(m.configured))
			time.Sleep(rivalGrace - time.Millisecond)
			k.claims(rivalMAC, addr)
		}},
		{"released", func(t *testing.T, m *Manager, k *fakeKernel) {
			must(t, m.Set(nil))
			k.claims(rivalMAC, addr)
		}},
		{"no longer configured", func(t *testing.T, m *Manager, k *fakeKernel) {
			must(t, m.Configure(nil))
			k.claims(rivalMAC, addr)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, k := settled(t, Options{}, vips("198.18.0.100/24"))
				k.change(eth1)
				time.Sleep(time.Second)
				test.event(t, m, k)
				time.Sleep(time.Second)
				wantConflicts(t, m, Stats{})
			})
		})
	}
}

// TestConflictWhileNotAllowed: whoever claims a VIP after this node's right to it
// has ended is in the right, although this node may not know yet.
func TestConflictWhileNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		m, k := settled(t, Options{Allowed: func(VIP) bool { return !ended.Load() }}, vips("198.18.0.100/24"))
		ended.Store(true)
		k.claims(rivalMAC, test4)
		ended.Store(false)
		time.Sleep(5 * time.Second)
		wantConflicts(t, m, Stats{})
		wantRequests(t, k)
	})
}

// TestAnswerToTheFirstQuestion: whoever has a VIP when it is taken says so when
// asked, and is a rival from then on.
func TestAnswerToTheFirstQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m, k := fakeWith(t, Options{}, all)
		k.put(2, testLinkLocal.String()+"/64")
		start(t, m)
		must(t, m.Set(all))
		synctest.Wait()
		mac := ethernetLink(2, "eth0").mac
		for _, question := range [][]byte{arpProbe(mac, test4).appendTo(nil), neighborQuestion(mac, testLinkLocal, test6).appendTo(nil)} {
			if n := len(k.questions(question)); n != 1 {
				t.Errorf("asked %d times at once: %x", n, question)
			}
		}
		k.says(2, unix.ETH_P_ARP, answerARP(rivalMAC, test4).appendTo(nil))
		k.says(2, unix.ETH_P_IPV6, answerNA(rivalMAC, test6).appendTo(nil))
		time.Sleep(2 * judgeEvery)
		wantConflicts(t, m, Stats{Conflicts: 2, Defended: 2})
		for _, s := range m.Status() {
			if s.Conflict.MAC != rivalMAC.String() || s.Conflict.Count != 1 {
				t.Errorf("conflict over %s is %+v", s.VIP, s.Conflict)
			}
		}
	})
}

// TestQuestionTimes: twice at first, then once a minute, and more often while
// there is a conflict.
func TestQuestionTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := fakeWith(t, Options{}, vips("198.18.0.100/24"))
		start(t, m)
		begin := time.Now()
		must(t, m.Set(m.configured))
		time.Sleep(125 * time.Second)
		k.claims(rivalMAC, test4)
		time.Sleep(175 * time.Second)
		must(t, m.Set(nil))
		time.Sleep(time.Hour)
		var got []float64
		for _, f := range k.questions(arpProbe(ethernetLink(2, "eth0").mac, test4).appendTo(nil)) {
			got = append(got, f.at.Sub(begin).Seconds())
		}
		if want := "[0 2 62 122 135 145 155 215 275]"; fmt.Sprint(got) != want {
			t.Errorf("asked at %v, want %s", got, want)
		}
	})
}

// TestCourtesy: a last owner that lets go only now is not asked.
func TestCourtesy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := fakeWith(t, Options{Courtesy: 3 * time.Second}, vips("198.18.0.100/24"))
		start(t, m)
		begin := time.Now()
		must(t, m.Set(m.configured))
		time.Sleep(time.Minute)
		asked := k.questions(arpProbe(ethernetLink(2, "eth0").mac, test4).appendTo(nil))
		if len(asked) == 0 || asked[0].at.Sub(begin) != 3*time.Second {
			t.Errorf("asked %d times, first at %v", len(asked), asked)
		}
	})
}

// TestListening: only while VIPs are wanted, and only to frames that speak of them.
func TestListening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24", "2001:db8::100/64")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		for _, step := range []struct {
			want      []VIP
			listening []uint16
		}{
			{nil, nil},
			{all[:1], []uint16{unix.ETH_P_ARP}},
			{all[1:], []uint16{unix.ETH_P_IPV6}},
			{all, []uint16{unix.ETH_P_ARP, unix.ETH_P_IPV6}},
			{nil, nil},
		} {
			must(t, m.Set(step.want))
			synctest.Wait()
			if got := fmt.Sprint(k.listensTo()); got != fmt.Sprint(step.listening) {
				t.Errorf("with %v it listens to %s, want %v", step.want, got, step.listening)
			}
		}
	})
}

// TestNoDefenceAfterARelease: not even one that was due, nor is a frame counted that
// came just before.
func TestNoDefenceAfterARelease(t *testing.T) {
	for name, release := range map[string]func(*Manager) error{
		"released":   func(m *Manager) error { return m.Set(nil) },
		"configured": func(m *Manager) error { return m.Configure(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, k := settled(t, Options{}, vips("198.18.0.100/24"))
				for range 3 {
					k.claims(rivalMAC, test4)
					time.Sleep(2 * judgeEvery)
				}
				k.claims(rivalMAC, test4)
				wantConflicts(t, m, Stats{Conflicts: 4, Defended: 1})
				k.claims(rivalMAC, test4)
				must(t, release(m))
				synctest.Wait()
				_, defend := m.defences.Deadline()
				_, ask := m.questions.Deadline()
				if defend || ask {
					t.Errorf("after the release: a defence is due: %t, a question: %t", defend, ask)
				}
				k.takeRequests()
				time.Sleep(3 * time.Minute)
				wantRequests(t, k)
				wantConflicts(t, m, Stats{Conflicts: 4, Defended: 1})
			})
		})
	}
}

// TestNoQuestionWhileNotAllowed: a node that may not hold VIPs asks nobody.
func TestNoQuestionWhileNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		m, _ := settled(t, Options{Allowed: func(VIP) bool { return !ended.Load() }}, vips("198.18.0.100/24"))
		before := m.Stats().Asked
		ended.Store(true)
		time.Sleep(5 * time.Minute)
		if got := m.Stats().Asked; got != before {
			t.Errorf("asked %d times", got-before)
		}
	})
}

// TestListeningFails: a node that cannot listen holds its VIPs all the same, says
// so, and tries again.
func TestListeningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, all)
		start(t, m)
		k.locked(func() { k.unheard = unix.ENOMEM })
		must(t, m.Set(all))
		time.Sleep(5 * time.Second)
		wantList(t, k, "198.18.0.100/24")
		k.claims(rivalMAC, test4)
		k.claims(rivalMAC, test4)
		const line = `level=ERROR msg="not heard whether other hosts have these VIPs, too" error="cannot allocate memory"`
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log is\n%s", log.String())
		}
		k.locked(func() { k.unheard = nil })
		time.Sleep(2 * time.Minute)
		k.claims(rivalMAC, test4)
		if got := m.Stats().Conflicts; got == 0 {
			t.Error("it does not hear although it could")
		}
	})
}

// TestOwnInterfacesUnknown: while nobody can say which MACs are ours, none is called
// foreign.
func TestOwnInterfacesUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		m, k := settled(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, vips("198.18.0.100/24"))
		k.refuses(unix.RTM_GETLINK, errors.New("busy"))
		k.claims(rivalMAC, test4)
		wantConflicts(t, m, Stats{})
		if !strings.Contains(log.String(), `error="list interfaces: busy"`) {
			t.Errorf("the log is\n%s", log.String())
		}
		k.refuses(0, nil)
		time.Sleep(2 * judgeEvery)
		k.claims(rivalMAC, test4)
		wantConflicts(t, m, Stats{Conflicts: 1, Defended: 1})
	})
}
