package fence

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzRules compares the programs with the model.
func FuzzRules(f *testing.F) {
	b := newBench(f, rangeVIPs()...)
	hosts := newBench(f, hostVIPs()...)
	for _, d := range directions {
		for _, r := range rowsOf(d) {
			f.Add(r.frame)
			f.Add(tagged(r.frame, unix.ETH_P_8021Q))
			f.Add(tagged(r.frame, unix.ETH_P_8021AD, unix.ETH_P_8021Q))
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < etherSize || len(frame) > 1500 || !testable(frame) {
			t.Skip()
		}
		for _, on := range []*bench{b, hosts} {
			on.TB = t
			vips := hostVIPs()
			if on == b {
				vips = rangeVIPs()
			}
			for _, p := range on.all {
				m := model{p.direction, vips}
				want := m.drops(frame)
				if p.framing == otherFraming {
					want = m.dropsPacket(binary.BigEndian.Uint16(frame[12:]), frame[14:])
				}
				if got := on.drops(p, frame); got != want {
					t.Errorf("%s: dropped %v, the model says %v, frame %x", p.name, got, want, frame)
				}
			}
		}
	})
}
