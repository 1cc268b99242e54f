package fence

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// withLeases is a fence of programs that are at no interface.
func withLeases(t testing.TB) (*Fence, *bench) {
	t.Helper()
	b := newBench(t)
	log := slog.New(slog.DiscardHandler)
	return &Fence{kind: BPF, log: log, kernel: &bpf{log: log, vips: b.vips, armed: true}}, b
}

func newLease(t testing.TB, f *Fence) *Lease {
	t.Helper()
	l, err := f.NewLease()
	must(t, err)
	return l
}

// wantDropped asks all programs about packets of a VIP.
func (b *bench) wantDropped(want bool, vip netip.Addr) {
	b.Helper()
	for _, p := range b.all {
		if got := b.drops(p, packet(vip, vip)); got != want {
			b.Errorf("%s: %s dropped %v, want %v", p.name, vip, got, want)
		}
	}
}

func TestLeasesAreIndependent(t *testing.T) {
	f, b := withLeases(t)
	must(t, f.Protect(hostVIPs()))
	one, two := newLease(t, f), newLease(t, f)
	must(t, one.Protect([]VIP{host(routersVIP4)}, nil))
	must(t, two.Protect([]VIP{host(routersVIP6)}, nil))
	want := func(cluster, first, second bool) {
		t.Helper()
		b.wantDropped(!cluster, theVIP4)
		b.wantDropped(!first, routersVIP4)
		b.wantDropped(!second, routersVIP6)
		b.wantDropped(false, theNode4)
	}
	hour := bootTime(t) + time.Hour
	want(false, false, false)
	one.Open(hour)
	want(false, true, false)
	must(t, f.Open(f.Epoch(), hour))
	want(true, true, false)
	one.Shut()
	want(true, false, false)
	two.Open(hour)
	must(t, f.Shut())
	want(false, false, true)
	two.Open(bootTime(t)) // never back
	want(false, false, true)
	two.Shut()
	two.Open(bootTime(t))
	want(false, false, false)
	one.Open(hour)
	must(t, two.Close())
	b.wantDropped(false, routersVIP6)
	b.wantDropped(false, routersVIP4)
	must(t, one.Close())
	if b.vips.memory.further.Load() != 0 {
		t.Error("the cluster pays for leases that are gone")
	}
	must(t, f.Open(f.Epoch(), hour))
	want(true, true, true)
}

// A lease is as good as its number: nobody may use it who had it before.
func TestNumberIsUsedAgain(t *testing.T) {
	f, b := withLeases(t)
	hour := bootTime(t) + time.Hour
	old := newLease(t, f)
	must(t, old.Protect([]VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
	old.Open(hour)
	must(t, old.Close())
	must(t, old.Close())
	now := newLease(t, f)
	if now.number != old.number {
		t.Fatalf("number %d after %d", now.number, old.number)
	}
	must(t, now.Protect([]VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
	b.wantDropped(true, routersVIP4)
	old.Open(hour)
	b.wantDropped(true, routersVIP4)
	now.Open(hour)
	old.Shut()
	b.wantDropped(false, routersVIP4)
	must(t, old.Close())
	if next := newLease(t, f); next.number == now.number {
		t.Error("two leases have one number")
	}
	b.wantDropped(false, routersVIP4)
	if err := old.Protect(nil, nil); !errors.Is(err, errClosed) {
		t.Errorf("protect by a closed lease: %v", err)
	}
}

func TestTooManyLeases(t *testing.T) {
	f, _ := withLeases(t)
	var last *Lease
	for range maxLeases {
		last = newLease(t, f)
	}
	if _, err := f.NewLease(); !errors.Is(err, ErrLeases) {
		t.Fatalf("one too many: %v", err)
	}
	if last.number != maxLeases {
		t.Errorf("the last is %d", last.number)
	}
	must(t, last.Close())
	newLease(t, f)
}

func TestLeaseOfAnother(t *testing.T) {
	f, b := withLeases(t)
	must(t, f.Protect(hostVIPs()))
	one, two := newLease(t, f), newLease(t, f)
	scoped := VIP{netip.PrefixFrom(linkLocal, 128), 1}
	locals := netip.MustParsePrefix("fe80:0:0:1::/64")
	must(t, one.Protect([]VIP{host(routersVIP4), scoped, {locals, 1}}, []MAC{{virtual4, 1}}))
	one.Open(bootTime(t) + time.Hour)
	before := len(b.vips.known.lease)
	for _, c := range []struct {
		vips []VIP
		macs []MAC
		want string
	}{
		{[]VIP{host(theVIP4)}, nil, "VIP 198.18.0.100/32: another lease has it"},
		{[]VIP{{hostVIPs()[0], 3}}, nil, "VIP 198.18.0.100/32: another lease has it"},
		{[]VIP{host(routersVIP6), host(routersVIP4)}, nil, "VIP 198.18.0.150/32: another lease has it"},
		{[]VIP{host(routersVIP6), scoped}, nil, "VIP fe80::100/128 of interface 1: another lease has it"},
		{[]VIP{{locals, 2}}, nil, "VIP fe80:0:0:1::/64: another lease has it"},
		{[]VIP{host(routersVIP6)}, []MAC{{virtual6, 1}, {virtual4, 1}}, "virtual MAC 00:00:5e:00:01:33 of interface 1: another lease has it"},
	} {
		err := two.Protect(c.vips, c.macs)
		if !errors.Is(err, ErrOtherLease) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if err := f.Protect([]netip.Prefix{netip.PrefixFrom(routersVIP4, 32)}); !errors.Is(err, ErrOtherLease) {
		t.Errorf("a router's VIP for the cluster: %v", err)
	}
	if len(b.vips.known.lease) != before || len(b.vips.knownMACs.lease) != 1 {
		t.Errorf("there are %v and %v", b.vips.known.lease, b.vips.knownMACs.lease)
	}
	b.wantDropped(true, theVIP4)
	b.wantDropped(false, routersVIP4)
	b.wantDropped(false, routersVIP6)

	must(t, two.Protect([]VIP{host(routersVIP6), {scoped.Prefix, 2}}, []MAC{{virtual4, 2}, {virtual6, 1}}))
	must(t, one.Protect(nil, nil))
	must(t, two.Protect([]VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
	b.wantDropped(true, routersVIP4)
	b.wantDropped(false, routersVIP6)
}

// A VIP that cannot be taken out stays dark, and its lease's number with it.
func TestCloseFails(t *testing.T) {
	f, b := withLeases(t)
	l := newLease(t, f)
	must(t, l.Protect([]VIP{host(routersVIP4)}, nil))
	l.Open(bootTime(t) + time.Hour)
	place := b.vips.known.place
	b.vips.known.place = func(v VIP) (*ebpf.Map, []byte) { _, key := place(v); return b.vips.ranges, key }
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "remove VIP 198.18.0.150/32") {
		t.Errorf("close: %v", err)
	}
	b.wantDropped(true, routersVIP4)
	if next := newLease(t, f); next.number == l.number {
		t.Error("the number is used again")
	}
	b.vips.known.place = place
	must(t, l.Close())
	b.wantDropped(false, routersVIP4)
	if next := newLease(t, f); next.number != l.number {
		t.Errorf("number %d is not used again", l.number)
	}
}

// What is new is in force before what is old goes, also where that cannot go; and when
// all is gone nothing passes the sieve.
func TestNewBeforeOld(t *testing.T) {
	f, b := withLeases(t)
	l := newLease(t, f)
	must(t, l.Protect([]VIP{host(routersVIP4)}, nil))
	place := b.vips.known.place
	b.vips.known.place = func(v VIP) (*ebpf.Map, []byte) {
		m, key := place(v)
		if v == host(routersVIP4) {
			m = b.vips.ranges
		}
		return m, key
	}
	if err := l.Protect([]VIP{host(routersVIP6)}, nil); err == nil {
		t.Error("what is old has gone")
	}
	b.wantDropped(true, routersVIP4)
	b.wantDropped(true, routersVIP6)
	b.vips.known.place = place
	must(t, l.Close())
	for i := range b.vips.memory.sieve {
		if bits := b.vips.memory.sieve[i].Load(); bits != 0 {
			t.Fatalf("word %d of the sieve is %x", i, bits)
		}
	}
}

// Close waits for who is about to extend the lease, so that it is shut after it.
func TestCloseWaits(t *testing.T) {
	f, _ := withLeases(t)
	l := newLease(t, f)
	if !l.enter() {
		t.Fatal("closed")
	}
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	eventually(t, "it is being closed", l.closed.Load)
	select {
	case <-closed:
		t.Fatal("closed while somebody is inside")
	case <-time.After(20 * time.Millisecond):
	}
	l.end.extend(bootTime(t) + time.Hour)
	l.inside.Add(-1)
	must(t, <-closed)
	if end := l.end.Load(); end != 0 {
		t.Errorf("it ends at %d", end)
	}
}

// Where nothing enforces further leases they cost their user nothing.
func TestLeasesOfOtherKinds(t *testing.T) {
	for _, kind := range []Kind{NFTables, Lifetime, Off} {
		t.Run(string(kind), func(t *testing.T) {
			swept := 0
			f := &Fence{kind: kind, log: slog.New(slog.DiscardHandler), others: []candidate{
				{kind: BPF, sweep: func(*slog.Logger) error { swept++; return nil }},
			}}
			m := &fakeMechanism{}
			if kind == NFTables {
				f.kernel = m
			}
			if f.StrictLeases() {
				t.Error("they are strict")
			}
			for range maxLeases + 1 {
				newLease(t, f)
			}
			l := newLease(t, f)
			must(t, l.Protect([]VIP{host(theVIP4)}, []MAC{{virtual4, 1}}))
			must(t, l.Protect(nil, nil))
			l.Open(time.Hour)
			l.Shut()
			must(t, f.Protect(hostVIPs()))
			must(t, l.Protect(nil, nil))
			must(t, l.Close())
			if swept != 1 || len(m.sets()) > 0 {
				t.Errorf("swept %d times, opened %v", swept, m.sets())
			}
			if kind == NFTables && m.protects != 2 {
				t.Errorf("the cluster's VIPs were set %d times", m.protects)
			}
		})
	}
	if f, _ := withLeases(t); !f.StrictLeases() {
		t.Error("those of bpf are not strict")
	}
}

// The first to protect something arms the fence, whoever it is.
func TestLeaseArms(t *testing.T) {
	var said bytes.Buffer
	f, _ := withLeases(t)
	swept := 0
	f.log = slog.New(slog.NewTextHandler(&said, nil))
	f.others = []candidate{{kind: NFTables, sweep: func(*slog.Logger) error { swept++; return nil }}}
	l := newLease(t, f)
	l.Open(1)
	unused := newLease(t, f)
	must(t, unused.Close())
	if swept > 0 || f.armed {
		t.Error("armed with nothing protected")
	}
	if err := l.Protect(nil, []MAC{{virtual4, 0}}); err == nil || swept > 0 {
		t.Errorf("swept with nothing protected: %v", err)
	}
	must(t, l.Protect([]VIP{host(theVIP4)}, nil))
	must(t, f.Protect(nil))
	if swept != 1 {
		t.Errorf("swept %d times", swept)
	}
}

func TestHotPathRouterFenceStore(t *testing.T) {
	f, _ := withLeases(t)
	l, until := newLease(t, f), time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() { until++; l.Open(until); l.Shut() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOpen(b *testing.B) {
	f, _ := withLeases(b)
	l, until := newLease(b, f), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		until++
		l.Open(until)
	}
}

// BenchmarkThousandRouters is the start of a thousand routers.
func BenchmarkThousandRouters(b *testing.B) {
	f, _ := withLeases(b)
	vips := everywhere(many(3000))
	for b.Loop() {
		var leases []*Lease
		for i := range 1000 {
			l := newLease(b, f)
			must(b, l.Protect(vips[3*i:3*i+3], []MAC{{[6]byte{0, 0, 0x5e, 0, 1, byte(i)}, 1 + i/256}}))
			leases = append(leases, l)
		}
		for _, l := range leases {
			must(b, l.Close())
		}
	}
}

// Who extends a lease waits for nobody, and has no say once it is closed.
func TestOpenWhileOthersChange(t *testing.T) {
	f, b := withLeases(t)
	never := newLease(t, f)
	must(t, never.Protect([]VIP{host(routersVIP6)}, nil))
	hour := bootTime(t) + time.Hour
	stop := make(chan struct{})
	var wait sync.WaitGroup
	leases := make(chan *Lease, 1)
	wait.Go(func() { // the thread of the adverts
		l := <-leases
		for {
			select {
			case <-stop:
				return
			case l = <-leases:
			default:
			}
			l.Open(hour)
			l.Open(hour + 1)
		}
	})
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if !b.drops(b.all[0], packet(routersVIP6, routersVIP6)) {
				t.Error("a lease is open that nobody opened")
				return
			}
		}
	})
	for i := range 300 {
		l := newLease(t, f)
		leases <- l
		must(t, l.Protect([]VIP{host(routersVIP4)}, []MAC{{virtual4, 1}}))
		must(t, l.Protect(everywhere(many(i%7)), nil))
		must(t, l.Close())
		if end := b.vips.memory.leases[l.number].Load(); end != 0 {
			t.Fatalf("round %d: a closed lease ends at %d", i, end)
		}
		next := newLease(t, f)
		if end := b.vips.memory.leases[next.number].Load(); end != 0 {
			t.Fatalf("round %d: a new lease ends at %d", i, end)
		}
		must(t, next.Close())
	}
	close(stop)
	wait.Wait()
}

// A daemon that ends with a part that hangs shuts all there is.
func TestShutAll(t *testing.T) {
	f, b := withLeases(t)
	must(t, f.Protect(hostVIPs()))
	one := newLease(t, f)
	must(t, one.Protect([]VIP{host(routersVIP4)}, nil))
	hour := bootTime(t) + time.Hour
	one.Open(hour)
	epoch := f.Epoch()
	must(t, f.Open(epoch, hour))
	must(t, f.ShutAll())
	b.wantDropped(true, theVIP4)
	b.wantDropped(true, routersVIP4)
	b.wantDropped(false, theNode4)
	if err := f.Open(epoch, hour); !errors.Is(err, ErrStale) {
		t.Errorf("what was decided before opens the fence again: %v", err)
	}
}
