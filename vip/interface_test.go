package vip

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// settle gives Run the time to react.
func settle() { time.Sleep(100 * time.Millisecond) }

// wantAnnounced checks whether anything was announced since the last time.
func wantAnnounced(t *testing.T, k *fakeKernel, what string, want bool) {
	t.Helper()
	if got := len(k.takeRequests()) > 0; got != want {
		t.Fatalf("%s: announced %t, want %t", what, got, want)
	}
	k.locked(func() { k.sent = nil })
}

// TestInterfaceComes follows VIPs from the time when they have no interface.
func TestInterfaceComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeKernel()
		all := vips("2001:db8::100/64", "198.18.0.100/24")
		m := newManager(Options{}, k)
		must(t, m.Configure(all))
		wantReason(t, m, "interface eth0 does not exist")
		start(t, m)
		must(t, m.Set(all))
		wantReason(t, m, "interface eth0 does not exist")

		l := ethernetLink(7, "eth0")
		l.up, l.running = false, false
		k.change(l)
		settle()
		wantReason(t, m, "interface eth0 is down")
		wantList(t, k)

		l.up = true
		k.change(l)
		settle()
		wantReason(t, m, "interface eth0 has no carrier")
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		if len(k.sent) != 0 {
			t.Fatal("announced without a carrier")
		}

		l.running = true
		k.change(l)
		settle()
		wantReason(t, m, "")
		wantAnnounced(t, k, "carrier", true)
		time.Sleep(6 * time.Second)
		wantAnnounced(t, k, "repeats", true)
	})
}

// TestInterfaceChanges: neighbours are told anew when the VIPs are elsewhere, and
// of nothing else.
func TestInterfaceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("2001:db8::100/64", "198.18.0.100/24"))
		start(t, m)
		l := ethernetLink(2, "eth0")
		quiet := func() {
			time.Sleep(6 * time.Second) // the repeats are over, and the next are far
			k.takeRequests()
			k.locked(func() { k.sent = nil })
		}

		quiet()
		l.mac[5]++
		k.change(l)
		settle()
		if got := k.announced("198.18.0.100"); len(got) == 0 || got[0].mac != l.mac {
			t.Fatalf("announced %v, want the new MAC %x", got, l.mac)
		}

		quiet()
		l.master = 9
		k.change(l)
		settle()
		wantAnnounced(t, k, "moved to a bridge", true)

		quiet()
		l.promotes = true
		k.change(l)
		settle()
		wantAnnounced(t, k, "a setting that is nobody else's business", false)

		l.routes = true
		k.change(l)
		time.Sleep(time.Minute)
		if got := k.announced("2001:db8::100"); len(got) == 0 || got[0].kind != "na-router" {
			t.Fatalf("announced %v, want a router", got)
		}
	})
}

// TestInterfaceGoes: down, gone and replaced by another; none of it counts as a
// removal by somebody else.
func TestInterfaceGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("2001:db8::100/64", "198.18.0.100/24"))
		start(t, m)
		l := ethernetLink(2, "eth0")
		l.up, l.running = false, false
		k.change(l) // takes the IPv6 address with it, as the kernel does
		settle()
		wantReason(t, m, "interface eth0 is down")
		wantList(t, k, "198.18.0.100/24")
		l.up, l.running = true, true
		k.change(l)
		settle()
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")

		l.up, l.running = false, false
		k.change(l)
		l.up, l.running = true, true
		k.change(l) // before anybody looks
		settle()
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")

		k.change(link{index: 2})
		settle()
		wantReason(t, m, "interface eth0 does not exist")
		k.takeRequests()
		k.change(ethernetLink(8, "eth0"))
		settle()
		wantList(t, k, "198.18.0.100/24", "2001:db8::100/64")
		wantAnnounced(t, k, "another interface of that name", true)
		for _, s := range m.Status() {
			if !s.Held || s.Readded != 0 {
				t.Errorf("status is %+v, want held, and never removed by somebody else", s)
			}
		}
	})
}

// TestLinkChangeSeenFirst: a look at the kernel may see a change of an interface
// before its notification comes, or instead of it.
func TestLinkChangeSeenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := holding(t, Options{}, all)
		start(t, m)
		time.Sleep(10 * time.Second)
		k.takeRequests()
		k.locked(func() { k.links[0].mac[5]++ })
		must(t, m.Set(all))
		time.Sleep(2 * time.Second)
		if got := len(k.takeRequests()); got != 2*4 {
			t.Errorf("%d announcements in 2 s, want 4 of each form", got)
		}
	})
}

// TestRenamedInterface: a VIP does not stay behind on an interface that is no
// longer the one it was configured for.
func TestRenamedInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		must(t, m.Set(all))
		k.change(ethernetLink(2, "lan0"))
		time.Sleep(100 * time.Millisecond)
		wantList(t, k)
		wantReason(t, m, "interface eth0 does not exist")
	})
}

// TestRenamedInterfaceKeepsItsSettings: also where a VIP is removed from it that
// was its primary address.
func TestRenamedInterfaceKeepsItsSettings(t *testing.T) {
	l := ethernetLink(2, "eth0")
	l.promotes = true
	k := newFakeKernel(l)
	m := newManager(Options{}, k)
	all := vips("198.18.0.100/24")
	must(t, m.Configure(all))
	must(t, m.Set(all))
	k.put(2, "198.18.0.1/24")
	l.name = "lan0"
	k.change(l)
	must(t, m.Set(nil))
	wantList(t, k, "198.18.0.1/24")
	if !k.promotes(2) {
		t.Error("promote_secondaries is off, and was on")
	}
}

// TestMoveOvertaken: neighbours are told of a new MAC, also when the look that saw
// it was overtaken.
func TestMoveOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many(10)
		m, k := holding(t, Options{}, all)
		start(t, m)
		time.Sleep(10 * time.Second)
		k.locked(func() {
			k.latency = 10 * time.Millisecond
			k.links[0].mac[5]++
			k.sent = nil
		})
		released := make(chan error, 1)
		go func() { released <- m.Set(all[:1]) }()
		time.Sleep(15 * time.Millisecond)
		must(t, m.Set(all))
		<-released
		settle()
		if got := k.announced(all[0].Address.Addr().String()); len(got) == 0 {
			t.Error("not announced")
		}
	})
}

// TestMoveWithoutAddress: what the kernel refused is not announced.
func TestMoveWithoutAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := vips("198.18.0.100/24")
		m, k := fakeWith(t, Options{}, all)
		start(t, m)
		k.refuses(unix.RTM_NEWADDR, unix.EPERM)
		_ = m.Set(all)
		l := ethernetLink(2, "eth0")
		l.mac[5]++
		k.change(l)
		time.Sleep(10 * time.Second)
		wantAnnounced(t, k, "a VIP that is not there", false)
	})
}

// TestDownAfterALoss: a VIP that waits for its interface costs no looks.
func TestDownAfterALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := holding(t, Options{}, vips("2001:db8::100/64"))
		start(t, m)
		must(t, k.byHand(2, "2001:db8::100/64"))
		settle()
		l := ethernetLink(2, "eth0")
		l.up, l.running = false, false
		k.change(l)
		settle()
		before := m.Stats().Syncs
		time.Sleep(10 * time.Second)
		if looks := m.Stats().Syncs - before; looks > 1 {
			t.Errorf("%d looks in 10 s, want none", looks)
		}
	})
}
