package lab

import (
	"net/netip"
	"testing"
	"time"
)

func TestWatchSeesTwoOwners(t *testing.T) {
	l, hosts := newLab(t, 2)
	w := l.Watch(netip.MustParseAddr(vip4))
	give(t, hosts[0], vip4)
	give(t, hosts[1], vip4)
	eventually(t, "two owners are seen", func() bool { return len(w.Overlaps(time.Time{})) > 0 })
	if o := w.Overlaps(time.Time{})[0]; o.First != hosts[0] || o.Second != hosts[1] {
		t.Errorf("owners %s and %s", o.First.Name, o.Second.Name)
	}
	if late := w.Overlaps(time.Now().Add(time.Hour)); len(late) != 0 {
		t.Errorf("%d overlaps in the future", len(late))
	}
	must(t, w.Close())
}

func TestWatchAllowsPassingOn(t *testing.T) {
	l, hosts := newLab(t, 2)
	addr := netip.MustParseAddr(vip4)
	w := l.Watch(addr)
	give(t, hosts[0], vip4)
	for range 20 {
		must(t, hosts[0].RemoveAddress(addr))
		give(t, hosts[1], vip4)
		look(t, w)
		must(t, hosts[1].RemoveAddress(addr))
		give(t, hosts[0], vip4)
		look(t, w)
	}
	must(t, w.Close())
	if found := w.Overlaps(time.Time{}); len(found) != 0 {
		t.Errorf("%d overlaps with one owner at a time", len(found))
	}
}

// look waits for a round of looks that has just begun: an address that goes and comes back
// between two looks was never away for the watch.
func look(t *testing.T, w *Watch) {
	t.Helper()
	enough := w.rounds.Load() + 2
	eventually(t, "the watch has looked", func() bool { return w.rounds.Load() >= enough })
}

func BenchmarkHas(b *testing.B) {
	l, err := New()
	if err != nil {
		b.Skip(err)
	}
	defer l.Close()
	sw, err := l.AddSwitch()
	if err != nil {
		b.Fatal(err)
	}
	h, err := l.AddHost("h1", sw)
	if err != nil {
		b.Fatal(err)
	}
	addr := netip.MustParseAddr(vip4)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Has(addr); err != nil {
			b.Fatal(err)
		}
	}
}
