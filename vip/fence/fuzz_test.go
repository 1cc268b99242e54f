package fence

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzRules compares the programs with the model.
func FuzzRules(f *testing.F) {
	for _, d := range directions {
		for _, r := range rowsOf(d) {
			f.Add(r.frame)
			f.Add(tagged(r.frame, unix.ETH_P_8021Q))
			f.Add(tagged(r.frame, unix.ETH_P_8021AD, unix.ETH_P_8021Q))
			f.Add(from(virtual4, r.frame))
		}
	}
	for _, r := range macRows() {
		f.Add(r.frame)
	}
	for _, vip := range routersVIPs() {
		f.Add(packet(vip.Prefix.Addr(), vip.Prefix.Addr()))
	}
	worlds := []world{
		{newBench(f, rangeVIPs()...), shut(rangeVIPs()...), nil},
		{newBench(f, hostVIPs()...), shut(hostVIPs()...), nil},
	}
	for _, running := range []lease{clusterLease, 1} {
		w := newWorld(f)
		w.run(running)
		worlds = append(worlds, w)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < etherSize || len(frame) > 1500 || !testable(frame) {
			t.Skip()
		}
		for _, w := range worlds {
			w.TB = t
			w.agree(frame)
		}
	})
}

// agree has the programs and the model judge a frame.
func (w world) agree(frame []byte) {
	w.Helper()
	for _, p := range w.all {
		m := model{p.direction, w.vips, w.macs}
		want := m.drops(frame)
		if p.framing == otherFraming {
			want = m.dropsPacket(binary.BigEndian.Uint16(frame[12:]), frame[14:])
		}
		if got := w.drops(p, frame); got != want {
			w.Errorf("%s: dropped %v, the model says %v, frame %x", p.name, got, want, frame)
		}
	}
}
