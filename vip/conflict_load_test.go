package vip

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestManyQuestions: those of a take-over come after it, and not in one burst.
func TestManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		m, k := fakeWith(t, Options{}, many(n))
		start(t, m)
		begin := time.Now()
		must(t, m.Set(m.configured))
		time.Sleep(askAgain / 2)
		perMoment := make(map[time.Duration]int)
		total := 0
		for i, f := range k.frames() {
			if arp, err := parseARP(f.data); err == nil && arp.sender.IsUnspecified() {
				perMoment[f.at.Sub(begin)]++
				total++
				if i < 2*n {
					t.Fatalf("question %d before all VIPs were taken and announced", i)
				}
			}
		}
		if total != n {
			t.Errorf("%d questions, want one for each of %d VIPs", total, n)
		}
		for at, count := range perMoment {
			if count > perBeat {
				t.Errorf("%d questions in one moment, after %v", count, at)
			}
		}
	})
}

// TestTwoDefenders: two nodes that both hold a VIP and both defend it come to a few
// frames, and both say so.
func TestTwoDefenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, ka := settled(t, Options{}, vips("198.18.0.100/24"))
		b, kb := fakeWith(t, Options{}, vips("198.18.0.100/24"))
		kb.change(link{index: 2})
		second := ethernetLink(2, "eth0")
		second.mac = rivalMAC
		kb.change(second)
		start(t, b)
		must(t, b.Set(b.configured))
		before := a.Stats().Announced + b.Stats().Announced
		const during = 10 * time.Minute
		said := map[*fakeKernel]int{ka: len(ka.frames())}
		for range during / (100 * time.Millisecond) {
			time.Sleep(100 * time.Millisecond)
			relay(ka, kb, said)
			relay(kb, ka, said)
		}
		frames := a.Stats().Announced + b.Stats().Announced - before
		most := uint64(2 * 2 * (during/defendMax + during/repeatEvery + 10)) // two nodes, two frames each
		t.Logf("%d frames in %v, at most %d", frames, during, most)
		if frames > most {
			t.Errorf("%d frames in %v, want at most %d", frames, during, most)
		}
		for _, m := range []*Manager{a, b} {
			if got := m.Status()[0].Conflict; !got.Ongoing || got.Count == 0 {
				t.Errorf("conflict is %+v, want one", got)
			}
		}
	})
}

// relay lets one node hear what another has sent since the last time.
func relay(from, to *fakeKernel, said map[*fakeKernel]int) {
	all := from.frames()
	news := all[said[from]:]
	said[from] = len(all)
	for _, f := range news {
		to.says(2, unix.ETH_P_ARP, f.data)
	}
	synctest.Wait()
}

// TestFlood: frames with ever other MACs cost neither memory nor frames nor looks
// without bound.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, k := settled(t, Options{}, vips("198.18.0.100/24"))
		sent, dumps := len(k.frames()), k.listed()
		for i := range 1000 { // milliseconds
			for j := range 40 {
				mac := hwAddr{2, 9, byte(i >> 8), byte(i), 0, byte(j)}
				k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, mac, test4).appendTo(nil))
			}
			time.Sleep(time.Millisecond)
			m.mu.Lock()
			if n := len(m.suspected); n > maxSuspects {
				t.Fatalf("%d suspects at once", n)
			}
			m.mu.Unlock()
		}
		synctest.Wait()
		if n := len(k.frames()) - sent; n > 4 {
			t.Errorf("%d frames sent, want two announcements at most", n)
		}
		looks := k.listed() - dumps
		if most := int(time.Second/judgeEvery) + 1; looks > most {
			t.Errorf("interfaces listed %d times in a second, want at most %d", looks, most)
		}
		if got := m.Stats().Conflicts; got == 0 || got > uint64(looks*maxSuspects) {
			t.Errorf("%d conflicts counted, want at most %d for each of %d looks", got, maxSuspects, looks)
		}
		if n := len(m.entries[m.configured[0]].contest.told); n != rivalsTold {
			t.Errorf("%d rivals remembered, want %d", n, rivalsTold)
		}
	})
}

// TestManyRivals: a host that claims all VIPs at once is answered without a burst.
func TestManyRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 900
		m, k := settled(t, Options{}, many(n))
		sent := len(k.frames())
		for _, v := range m.configured {
			k.says(2, unix.ETH_P_ARP, gratuitousARP(arpReply, rivalMAC, v.Address.Addr()).appendTo(nil))
		}
		time.Sleep(500 * time.Millisecond)
		wantConflicts(t, m, Stats{Conflicts: n, Defended: n})
		perMoment := make(map[time.Time]int)
		for _, f := range k.frames()[sent:] {
			if perMoment[f.at]++; perMoment[f.at] > 2*perBeat {
				t.Fatalf("%d frames at once", perMoment[f.at])
			}
		}
	})
}
