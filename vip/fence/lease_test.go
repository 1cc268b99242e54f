package fence

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSetOnlyForward(t *testing.T) {
	var s expiry
	for _, step := range []struct{ set, want time.Duration }{
		{5, 5}, {9, 9}, {7, 9}, {9, 9}, {0, 0}, {0, 0}, {3, 3}, {0, 0},
	} {
		s.set(step.set)
		if got := time.Duration(s.Load()); got != step.want {
			t.Errorf("after set(%d): %d, want %d", step.set, got, step.want)
		}
	}
}

func TestSetIsForwardForAll(t *testing.T) {
	var s expiry
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 10_000 {
				s.set(time.Duration(1 + 4*i + worker))
			}
		})
	}
	wait.Wait()
	if got := s.Load(); got != 40_000 {
		t.Errorf("until %d, want the latest, 40000", got)
	}
}

func TestHotPathFenceStore(t *testing.T) {
	b := &bpf{vips: newBench(t).vips}
	until := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		until++
		_ = b.Set(until)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSet(b *testing.B) {
	m := mechanism(&bpf{vips: newBench(b).vips})
	until := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		until++
		_ = m.Set(until)
	}
}

// The programs and this process mean the same clock.
func TestExpiry(t *testing.T) {
	b := newBench(t, hostVIPs()...)
	for _, p := range b.all {
		frame := ipv4(thePeer4, theVIP4)
		if p.direction == egress {
			frame = ipv4(theVIP4, thePeer4)
		}
		b.vips.memory.leases[clusterLease].set(0)
		b.ends(p, frame, &b.vips.memory.leases[clusterLease])
	}
}

// ends has a lease end, and the frame be dropped from then on.
func (b *bench) ends(p benched, frame []byte, lease *expiry) {
	b.Helper()
	end := bootTime(b) + 20*time.Millisecond
	lease.set(end)
	for {
		before := bootTime(b)
		drops := b.drops(p, frame)
		after := bootTime(b)
		if drops && after < end {
			b.Errorf("%s drops %v before the end", p.name, end-after)
		}
		if !drops && before >= end {
			b.Errorf("%s passes %v after the end", p.name, before-end)
		}
		if before >= end {
			break
		}
	}
}

func TestCloseThenSet(t *testing.T) {
	w := newWire(t)
	b := w.open()
	must(t, b.Close())
	must(t, b.Set(bootTime(t)+time.Hour)) // a late renewal must not crash
}

func TestClockOffset(t *testing.T) {
	for _, c := range []struct {
		offsets string
		refused bool
	}{
		{"monotonic           0         0\nboottime            0         0\n", false},
		{"monotonic         100         0\nboottime            0         0\n", false},
		{"monotonic           0         0\nboottime         1000         0\n", true},
		{"monotonic           0         0\nboottime            0         1\n", true},
		{"monotonic           0         0\nboottime           -5 500000000\n", true},
		{"", false},
	} {
		err := checkOffsets(c.offsets)
		if (err != nil) != c.refused {
			t.Errorf("%q: %v", c.offsets, err)
		}
		if err != nil && !strings.Contains(err.Error(), "time namespace") {
			t.Errorf("unclear: %v", err)
		}
	}
	must(t, checkClock())
}

// The clock that is refused is the one that would be wrong.
func TestTimeNamespace(t *testing.T) {
	newWire(t)
	binary, err := os.Executable()
	must(t, err)
	child := exec.Command("unshare", append([]string{"--time", "--boottime", "1000", "--fork", binary}, owner().Args[1:]...)...)
	child.Env = owner().Env
	out, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(out), errClockOffset.Error()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func many(n int) []netip.Prefix {
	var list []netip.Prefix
	four, six := netip.MustParseAddr("198.19.0.0"), netip.MustParseAddr("2001:db8:19::")
	for i := range n {
		list = append(list, netip.PrefixFrom(four, 32))
		four = four.Next()
		if i%2 == 0 {
			list[i] = netip.PrefixFrom(six, 128)
			six = six.Next()
		}
	}
	return list
}

func TestManyVIPs(t *testing.T) {
	vips := many(5000)
	b := newBench(t, vips...)
	p := b.all[0]
	for i, v := range vips {
		frame := ipv4(thePeer4, v.Addr())
		if v.Addr().Is6() {
			frame = tcp6(thePeer6, v.Addr())
		}
		if !b.drops(p, frame) {
			t.Fatalf("VIP %d, %s, passes", i, v)
		}
	}
	if b.drops(p, ipv4(thePeer4, theNode4)) || b.drops(p, tcp6(thePeer6, theNode6)) {
		t.Error("the node's address is dropped")
	}
}

// While the set is replaced, a VIP that stays is dropped all the time.
func TestReplaceWhileTrafficFlows(t *testing.T) {
	b := newBench(t, hostVIPs()...)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for _, p := range b.all {
		frames := [][]byte{ipv4(thePeer4, theVIP4), tcp6(thePeer6, theVIP6)}
		if p.direction == egress {
			frames = [][]byte{ipv4(theVIP4, thePeer4), tcp6(theVIP6, thePeer6)}
		}
		wait.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !b.drops(p, frames[i%2]) {
					t.Errorf("%s passes a VIP that stays", p.name)
					return
				}
			}
		})
	}
	sets := [][]netip.Prefix{hostVIPs(), rangeVIPs(), append(hostVIPs(), many(500)...), append(rangeVIPs(), many(50)...)}
	for i := range 60 {
		must(t, b.vips.replace(sets[i%len(sets)]))
	}
	close(stop)
	wait.Wait()
	must(t, b.vips.replace(nil))
	for _, p := range b.all {
		if b.drops(p, ipv4(theVIP4, theVIP4)) || b.drops(p, tcp6(theVIP6, theVIP6)) {
			t.Errorf("%s drops what is no VIP any more", p.name)
		}
	}
}

// A set that cannot be in force changes nothing for those that are.
func TestReplaceWithError(t *testing.T) {
	b := newBench(t, rangeVIPs()...)
	for _, c := range []struct{ prefix, want string }{
		{"198.18.0.100/24", "host bits are set; one address is 198.18.0.100/32"},
		{"2001:db8::100/64", "one address is 2001:db8::100/128"},
		{"::ffff:198.18.0.100/128", "not an IPv4 or IPv6 prefix"},
	} {
		err := b.vips.replace([]netip.Prefix{netip.MustParsePrefix(c.prefix)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.prefix, err)
		}
	}
	must(t, b.vips.hosts.Freeze())
	err := b.vips.replace(append(rangeVIPs(), netip.PrefixFrom(theNode4, 32)))
	if err == nil || !strings.Contains(err.Error(), "add VIP 198.18.0.1/32") {
		t.Errorf("a frozen map: %v", err)
	}
	if err := b.vips.replace(nil); err == nil {
		t.Error("a frozen map is emptied")
	}
	for _, frame := range [][]byte{ipv4(thePeer4, theVIP4), tcp6(thePeer6, theVIP6)} {
		if !b.drops(b.all[0], frame) {
			t.Error("a VIP passes that could not be removed")
		}
	}
}

func TestRangesOfAllSizes(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ prefix, in, out string }{
		{"198.18.7.128/25", "198.18.7.128", "198.18.7.127"},
		{"198.18.16.0/20", "198.18.31.255", "198.18.32.0"},
		{"198.16.0.0/14", "198.19.255.255", "198.20.0.0"},
		{"0.0.0.0/0", "255.255.255.255", "2001:db8::1"},
		{"2001:db8::f0/124", "2001:db8::ff", "2001:db8::100"},
		{"2001:db8::/64", "2001:db8::ffff:0:0:1", "2001:db8:0:1::"},
		{"::/0", "2001:db8::1", "198.18.0.1"},
	} {
		must(t, b.vips.replace([]netip.Prefix{netip.MustParsePrefix(c.prefix)}))
		for addr, want := range map[string]bool{c.in: true, c.out: false} {
			a := netip.MustParseAddr(addr)
			frame := ipv4(thePeer4, a)
			if a.Is6() {
				frame = tcp6(thePeer6, a)
			}
			if got := b.drops(b.all[0], frame); got != want {
				t.Errorf("%s, %s: dropped %v", c.prefix, addr, got)
			}
		}
	}
}
