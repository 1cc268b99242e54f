package vip

import (
	"sync"
	"testing"
	"time"
)

// pair is two Managers that run side by side, with VIPs of their own.
func (l *lab) pair(one, two []VIP) [2]*Manager {
	l.t.Helper()
	var company Company
	var both [2]*Manager
	for i, vips := range [...][]VIP{one, two} {
		both[i] = l.manager(Options{Company: &company})
		l.must(both[i].Configure(vips))
		l.run(both[i])
	}
	return both
}

// TestKernelSideBySide: two Managers that take and give in one subnet, where each is
// in turn the one with the primary address, lose nothing of each other's.
func TestKernelSideBySide(t *testing.T) {
	l := newLab(t)
	all := many(40)
	both := l.pair(all[:20], all[20:])
	var workers sync.WaitGroup
	for i, m := range both {
		own := all[20*i:][:20]
		workers.Go(func() {
			for round := range 300 {
				if err := m.Want(window(own, round, 3)); err != nil {
					t.Errorf("Want: %v", err)
				}
				time.Sleep(time.Duration(round%4) * time.Millisecond)
			}
		})
	}
	workers.Wait()
	l.eventually("all are done", func() bool { return len(l.addresses()) == 6 })
	for i, m := range both {
		if got := m.Stats(); got.Readded != 0 {
			t.Errorf("Manager %d put %d addresses back, want none lost", i, got.Readded)
		}
	}
	must(t, both[0].Want(nil))
	must(t, both[1].Want(nil))
	l.eventually("all are gone", func() bool { return len(l.addresses()) == 0 })
}

// window is n of a list from an index on, round and round.
func window(list []VIP, from, n int) []VIP {
	var part []VIP
	for i := range n {
		part = append(part, list[(from+i)%len(list)])
	}
	return part
}

// TestKernelSideBySideAtRest: VIPs in one subnet without another address do not give
// way to each other for ever, but do so to the node's own.
func TestKernelSideBySideAtRest(t *testing.T) {
	l := newLab(t)
	all := vips("198.18.0.100/24", "2001:db8::100/64", "198.18.0.101/24", "2001:db8::101/64")
	both := l.pair(all[:2], all[2:])
	must(t, both[0].Want(all[:2]))
	must(t, both[1].Want(all[2:]))
	l.eventually("taken", func() bool { return len(l.addresses()) == 4 })
	l.atRest(both)
	l.addr("198.18.0.1/24")
	l.eventually("the node's own first", func() bool { return l.addresses()[0] == "198.18.0.1/24" && len(l.addresses()) == 5 })
	l.atRest(both)
}

// atRest waits until neither Manager looks at the kernel for longer than the pause
// between two looks.
func (l *lab) atRest(both [2]*Manager) {
	l.t.Helper()
	l.eventually("at rest", func() bool {
		before := both[0].Stats().Syncs + both[1].Stats().Syncs
		time.Sleep(200 * time.Millisecond)
		return both[0].Stats().Syncs+both[1].Stats().Syncs == before
	})
}
