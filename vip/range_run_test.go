package vip

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// said are the announcements since the start, by address.
func (k *fakeKernel) said() map[netip.Addr]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	said := make(map[netip.Addr]int)
	for _, f := range k.sent {
		if a, ok := asAnnouncement(capturedFrame{f.at, f.data}); ok {
			said[a.addr]++
		}
	}
	return said
}

// All addresses are announced in both forms soon after the range is taken, and again
// with the repeats.
func TestRangeIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testRange("198.19.0.0/20")
		m, k := fakeWith(t, Options{}, []VIP{v})
		start(t, m)
		must(t, m.Set([]VIP{v}))
		if n := len(k.said()); n != sweepBurst {
			t.Errorf("%d addresses are announced at once, want %d", n, sweepBurst)
		}
		time.Sleep(45 * time.Millisecond)
		synctest.Wait()
		all := k.said()
		if len(all) != 4096 || all[netip.MustParseAddr("198.19.15.255")] != 2 || all[netip.MustParseAddr("198.19.0.0")] != 2 {
			t.Errorf("%d addresses are announced: %d times the first, %d times the last", len(all),
				all[netip.MustParseAddr("198.19.0.0")], all[netip.MustParseAddr("198.19.15.255")])
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := k.said()[netip.MustParseAddr("198.19.15.255")]; n != 10 {
			t.Errorf("the last address is announced %d times, want 10", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := k.said()[netip.MustParseAddr("198.19.15.255")]; n != 12 {
			t.Errorf("the last address is announced %d times, want 12", n)
		}
	})
}

// Who gives a range up in the middle of its announcement waits for one burst at most, and
// nothing is announced afterwards.
func TestRangeGivenUpWhileAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testRange("198.19.0.0/20")
		m, k := fakeWith(t, Options{}, []VIP{v})
		k.sending = 100 * time.Microsecond
		start(t, m)
		must(t, m.Set([]VIP{v}))
		time.Sleep(20 * time.Millisecond)
		begin := time.Now()
		must(t, m.Set(nil))
		if took := time.Since(begin); took > 200*time.Microsecond {
			t.Errorf("giving it up took %v, want no more than a frame or two", took)
		}
		before := len(k.frames())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(k.frames()); n != before || n >= 8192 {
			t.Errorf("%d frames were sent, %d of them after it was given up", n, n-before)
		}
	})
}

// While this node may not hold it no range is announced.
func TestRangeNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var may atomic.Bool
		may.Store(true)
		v := testRange("198.19.0.0/20")
		m, k := fakeWith(t, Options{Allowed: func(VIP) bool { return may.Load() }}, []VIP{v})
		start(t, m)
		must(t, m.Set([]VIP{v}))
		may.Store(false)
		before := len(k.frames())
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(k.frames()); n != before || m.Stats().Withheld == 0 {
			t.Errorf("%d frames were sent though it was not allowed", n-before)
		}
	})
}

// What must be routed is neither announced nor listened for.
func TestRangeThatIsRouted(t *testing.T) {
	for _, prefix := range []string{"198.19.0.0/19", "2001:db8:5::/64"} {
		synctest.Test(t, func(t *testing.T) {
			v := testRange(prefix)
			m, k := fakeWith(t, Options{}, []VIP{v})
			start(t, m)
			must(t, m.Set([]VIP{v}))
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if frames, types := k.frames(), k.listensTo(); len(frames) != 0 || len(types) != 0 || !m.Status()[0].Held {
				t.Errorf("%s: %d frames, listening to %v, %+v", prefix, len(frames), types, m.Status()[0])
			}
		})
	}
}

func TestRangePutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testRange("198.19.0.0/20")
		m, k := holding(t, Options{}, []VIP{v})
		start(t, m)
		must(t, k.routeByHand(v))
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := k.list(); !slices.Equal(got, []string{"198.19.0.0/20"}) || m.Status()[0].Readded != 1 {
			t.Errorf("there are %v, %+v", got, m.Status()[0])
		}
		must(t, m.Set(nil))
		k.locked(func() { must(t, k.addRange(v.route(2), false)) })
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := k.list(); len(got) != 0 {
			t.Errorf("there are %v, though nothing is wanted", got)
		}
	})
}

// Another host that claims an address of a range is told of. It is neither asked for nor
// answered.
func TestRangeContested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testRange("198.19.0.0/20")
		m, k := holding(t, Options{}, []VIP{v})
		start(t, m)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		before := len(k.frames())
		rival := hwAddr{2, 0, 0, 0, 9, 9}
		k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, rival, netip.MustParseAddr("198.19.3.7")).appendTo(nil))
		k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, rival, netip.MustParseAddr("198.19.16.0")).appendTo(nil)) // beyond
		k.says(3, unix.ETH_P_ARP, gratuitousARP(arpReply, rival, netip.MustParseAddr("198.19.3.7")).appendTo(nil))  // elsewhere
		time.Sleep(20 * time.Second)
		synctest.Wait()
		c := m.Status()[0].Conflict
		if c.MAC != rival.String() || c.Count != 1 || !c.Ongoing {
			t.Errorf("conflict %+v", c)
		}
		if s := m.Stats(); len(k.frames()) != before || s.Asked != 0 || s.Defended != 0 {
			t.Errorf("%d frames in answer, %+v", len(k.frames())-before, s)
		}
	})
}

// Neighbours are told anew when the interface has moved.
func TestRangeOnAnInterfaceThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := testRange("198.19.0.0/20")
		m, k := holding(t, Options{}, []VIP{v})
		start(t, m)
		time.Sleep(20 * time.Second)
		moved := ethernetLink(2, "eth0")
		moved.mac[4] = 7
		k.change(moved)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := k.said()[netip.MustParseAddr("198.19.15.255")]; n != 20 {
			t.Errorf("the last address is announced %d times, want 20", n)
		}
	})
}
