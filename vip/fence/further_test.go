package fence

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"
)

// lease is the number of one.
type lease = uint32

var (
	linkLocal   = netip.MustParseAddr("fe80::100")
	linkLocal4  = netip.MustParseAddr("169.254.0.100")
	lastLocal   = netip.MustParseAddr("febf::ffff")
	routersVIP4 = netip.MustParseAddr("198.18.0.150")
	routersVIP6 = netip.MustParseAddr("2001:db8::150")
)

// world is programs with a model of what they should do.
type world struct {
	*bench
	vips map[VIP]bool
	macs map[MAC]bool
}

// routersVIPs are under lease 1: also one within a range of the cluster, a range
// around a VIP of it, and a link-local one at the test's interface and another.
func routersVIPs() []VIP {
	return []VIP{
		host(routersVIP4), host(routersVIP6), host(ofRange4),
		{Prefix: netip.MustParsePrefix("2001:db8::100/124")},
		{Prefix: netip.MustParsePrefix("198.18.0.96/28")},
		{netip.PrefixFrom(linkLocal, 128), 1},
		{netip.PrefixFrom(lastLocal, 128), 1},
		{netip.PrefixFrom(linkLocal.Next(), 128), 2},
		host(linkLocal.Next().Next()),
		host(linkLocal4),
	}
}

func host(a netip.Addr) VIP { return VIP{Prefix: netip.PrefixFrom(a, a.BitLen())} }

// newWorld has the cluster's VIPs, and those of lease 1 with its MACs.
func newWorld(t testing.TB) world {
	w := world{newBench(t, rangeVIPs()...), shut(rangeVIPs()...), map[MAC]bool{}}
	macs := []MAC{{virtual4, 1}, {virtual6, 1}, {elsewhere, 2}}
	vips := routersVIPs()
	for i := range vips {
		if vips[i].Prefix.Addr().Is4() {
			vips[i].Interface = 7 // does not matter
		}
	}
	must(t, w.bench.vips.protect(1, vips, macs))
	w.run(2) // nobody's
	return w
}

// run has one lease run and the others be over.
func (w world) run(running lease) {
	w.Helper()
	for i := range lease(2) {
		end := &w.bench.vips.memory.leases[i]
		end.set(0)
		if i == running {
			end.set(bootTime(w) + time.Hour)
		}
	}
	maps.Copy(w.vips, shut(rangeVIPs()...))
	for _, v := range rangeVIPs() {
		w.vips[VIP{Prefix: v}] = running != clusterLease
	}
	for _, v := range routersVIPs() {
		w.vips[v] = running != 1
	}
	for _, m := range []MAC{{virtual4, 1}, {virtual6, 1}, {elsewhere, 2}} {
		w.macs[m] = running != 1
	}
}

// packet is an IP packet.
func packet(from, to netip.Addr) []byte {
	if from.Is4() {
		return ipv4(from, to)
	}
	return tcp6(from, to)
}

// Each VIP goes by its own lease, and each program agrees with the model on all rows.
func TestLeases(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		running         lease
		cluster, router bool // whether they are dropped
	}{{clusterLease, false, true}, {1, true, false}, {2, true, true}} {
		t.Run(fmt.Sprintf("lease %d runs", c.running), func(t *testing.T) {
			w.TB = t
			w.run(c.running)
			for _, p := range w.all {
				for a, want := range map[netip.Addr]bool{
					theVIP4: c.cluster, theVIP6: c.cluster, ofRange6: c.cluster, ofRange4.Next(): c.cluster,
					routersVIP4: c.router, routersVIP6: c.router, ofRange4: c.router,
					theVIP4.Next(): c.router, linkLocal4: c.router, netip.MustParseAddr("2001:db8::10f"): c.router,
					linkLocal: c.router, lastLocal: c.router, linkLocal.Next(): false, linkLocal.Next().Next(): c.router,
					theNode4: false,
				} {
					if got := w.drops(p, packet(a, a)); got != want {
						t.Errorf("%s: %s dropped %v, want %v", p.name, a, got, want)
					}
				}
			}
			for _, d := range directions {
				for _, r := range rowsOf(d) {
					if testable(r.frame) {
						w.agree(r.frame)
						w.agree(from(virtual4, r.frame))
					}
				}
			}
		})
	}
}

// A packet that is about two VIPs needs both leases.
func TestTwoVIPsInAPacket(t *testing.T) {
	w := newWorld(t)
	for _, p := range w.all {
		if p.direction == ingress {
			continue
		}
		frame := nd(136, theVIP6, routersVIP6)
		for _, running := range []lease{clusterLease, 1} {
			w.run(running)
			if !w.drops(p, frame) {
				t.Errorf("%s: passes while lease %d alone runs", p.name, running)
			}
		}
		w.bench.vips.memory.leases[clusterLease].set(bootTime(t) + time.Hour)
		if w.drops(p, frame) {
			t.Errorf("%s: dropped while both leases run", p.name)
		}
	}
}

// Lease 1 runs, the cluster's is over, and a number is wrong or has no lease yet.
func TestNumbersOfLeases(t *testing.T) {
	b := newBench(t, hostVIPs()...)
	for number, want := range map[lease]bool{
		maxLeases: false, maxLeases - 1: true, maxLeases + 1: true, 1 << 31: true, ^lease(0): true,
	} {
		must(t, b.vips.protect(1, []VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
		must(t, b.vips.hosts.Put(vipHostKey(routersVIP4), number))
		must(t, b.vips.macs.Put(macKey(MAC{virtual4, 1}), number))
		for i := range b.vips.memory.leases {
			b.vips.memory.leases[i].Store(0)
		}
		b.vips.memory.leases[maxLeases].set(bootTime(t) + time.Hour)
		for i := range b.vips.memory.sieve[:8] { // what is behind the leases
			b.vips.memory.sieve[i].Store(^uint64(0) >> 1)
		}
		for _, p := range b.all {
			if got := b.drops(p, ipv4(routersVIP4, routersVIP4)); got != want {
				t.Errorf("%s, lease %d: VIP dropped %v, want %v", p.name, number, got, want)
			}
			if got := b.drops(p, from(virtual4, ipv4(theNode4, thePeer4))); p.hasMACRule() && got != want {
				t.Errorf("%s, lease %d: MAC dropped %v, want %v", p.name, number, got, want)
			}
		}
	}
}

func vipHostKey(a netip.Addr) []byte {
	key := vipKey(host(a))
	return key[keySize-hostSize:]
}

// The programs and this process mean the same clock, also for further leases.
func TestFurtherExpiry(t *testing.T) {
	b := newBench(t, hostVIPs()...)
	must(t, b.vips.protect(7, []VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
	b.vips.memory.leases[clusterLease].set(bootTime(t) + time.Hour)
	for _, p := range b.all {
		frames := [][]byte{ipv4(routersVIP4, routersVIP4)}
		if p.hasMACRule() {
			frames = append(frames, from(virtual4, ipv4(theNode4, thePeer4)))
		}
		for _, frame := range frames {
			b.vips.memory.leases[7].set(0)
			b.ends(p, frame, &b.vips.memory.leases[7])
		}
	}
}

func TestLeasesOfManyRouters(t *testing.T) {
	b := newBench(t)
	for i, v := range many(1000) {
		must(t, b.vips.protect(lease(1+i), []VIP{{Prefix: v}}, nil))
	}
	b.vips.memory.leases[500].set(bootTime(t) + time.Hour)
	for i, v := range many(1000) {
		if got := b.drops(b.all[0], packet(v.Addr(), v.Addr())); got == (i == 499) {
			t.Errorf("router %d: dropped %v", i, got)
		}
	}
}
