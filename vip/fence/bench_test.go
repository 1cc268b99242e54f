package fence

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The figures of traffic are of a veth pair with the fence, divided by those without it.
// Both alternate in short rounds on one processor and are counted by its time, because
// machines have moods.
const (
	benchWindow = 4 * time.Millisecond
	benchPause  = time.Millisecond
)

// flow has traffic for some time, and tells how much of it a second of the processor is
// good for.
type flow func(window time.Duration) float64

// comparison is a kind of traffic between an address here and the peer, and the fence
// that it passes.
type comparison struct {
	traffic func(b testing.TB, w *wire, here netip.Addr) flow
	vips    int
	here    netip.Addr // the VIP, or another
}

// ratios are those of so many rounds.
func (c comparison) ratios(b testing.TB, rounds int) (ratios []float64) {
	w := newWire(b)
	f := w.fence()
	must(b, f.Protect(append(many(c.vips-1), netip.PrefixFrom(theVIP4, 32))))
	must(b, f.Set(bootTime(b)+time.Hour))
	flow := c.traffic(b, w, c.here)
	onOneProcessor(b)
	eth0 := w.link("eth0")
	for range rounds {
		var got [2]float64
		for _, fenced := range rand.Perm(len(got)) {
			if fenced == 1 {
				must(b, f.secure(eth0))
			} else {
				w.unfence(f, eth0)
			}
			flow(benchPause)
			got[fenced] = flow(benchWindow)
		}
		ratios = append(ratios, got[1]/got[0])
	}
	return ratios
}

// unfence leaves nothing behind, no qdisc either.
func (w *wire) unfence(f *bpf, l netlink.Link) {
	index := l.Attrs().Index
	must(w, f.leave(l))
	if f.qdiscs[index] != "" {
		must(w, w.here.QdiscDel(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
			LinkIndex: index, Handle: clsactHandle, Parent: netlink.HANDLE_CLSACT,
		}}))
	}
	delete(f.qdiscs, index)
	delete(f.state, index)
}

// onOneProcessor keeps the thread there: it is locked, and ends with the benchmark.
func onOneProcessor(b testing.TB) {
	var first unix.CPUSet
	must(b, unix.SchedGetaffinity(0, &first))
	for cpu := range len(first) * 64 {
		if first.IsSet(cpu) {
			first.Zero()
			first.Set(cpu)
			break
		}
	}
	must(b, unix.SchedSetaffinity(0, &first))
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}

// control runs f with the file descriptor of a socket, which does not block.
func control(b testing.TB, socket interface {
	SyscallConn() (syscall.RawConn, error)
}, f func(fd int),
) {
	raw, err := socket.SyscallConn()
	must(b, err)
	must(b, raw.Control(func(fd uintptr) { f(int(fd)) }))
}

// stream is one TCP connection, in bytes.
func stream(b testing.TB, w *wire, here netip.Addr) flow {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(here, 0)))
	must(b, err)
	var client net.Conn
	w.atPeer(func() { client, err = net.Dial("tcp4", listener.Addr().String()) })
	must(b, err)
	server, err := listener.AcceptTCP()
	must(b, err)
	b.Cleanup(func() { client.Close(); server.Close(); listener.Close() })
	buffer := make([]byte, 1<<17)
	all := func(fd int, do func(int, []byte) (int, error)) (sum int) { // all that it takes or has
		for sum < 1<<22 {
			n, err := do(fd, buffer)
			if err != nil {
				break
			}
			sum += n
		}
		return sum
	}
	both := perProcessor(b, func() (received int) {
		control(b, client.(*net.TCPConn), func(fd int) { all(fd, unix.Write) })
		control(b, server, func(fd int) { received = all(fd, unix.Read) })
		return received
	})
	both(100 * time.Millisecond) // until its buffers are as large as they get
	return both
}

// inwards is UDP to here, to a socket that is full.
func inwards(b testing.TB, w *wire, here netip.Addr) flow {
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(here, 9))
	sink, err := net.ListenUDP("udp4", to)
	must(b, err)
	var source *net.UDPConn
	w.atPeer(func() { source, err = net.DialUDP("udp4", nil, to) })
	must(b, err)
	b.Cleanup(func() { sink.Close(); source.Close() })
	return flood(b, source)
}

// outwards is UDP from here.
func outwards(b testing.TB, w *wire, here netip.Addr) flow {
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(thePeer4, 9))
	var sink *net.UDPConn
	var err error
	w.atPeer(func() { sink, err = net.ListenUDP("udp4", to) })
	must(b, err)
	source, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(here, 0)), to)
	must(b, err)
	b.Cleanup(func() { sink.Close(); source.Close() })
	return flood(b, source)
}

// flood sends small datagrams as fast as it can: the sender does all the work, up to
// the other end's socket.
func flood(b testing.TB, source *net.UDPConn) flow {
	type message struct { // struct mmsghdr
		unix.Msghdr
		_ uint32
	}
	payload := make([]byte, 18)
	vector := unix.Iovec{Base: &payload[0], Len: uint64(len(payload))}
	var batch [64]message
	for i := range batch {
		batch[i].Iov, batch[i].Iovlen = &vector, 1
	}
	return perProcessor(b, func() (sent int) {
		control(b, source, func(fd int) {
			n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&batch)), uintptr(len(batch)), 0, 0, 0)
			if errno == 0 {
				sent = int(n)
			}
		})
		return sent
	})
}

// perProcessor counts what is done in a second of the processor.
func perProcessor(b testing.TB, do func() int) flow {
	return func(window time.Duration) float64 {
		done, began := 0, cpuTime(b)
		for {
			done += do()
			if spent := cpuTime(b) - began; spent >= window {
				return float64(done) / spent.Seconds()
			}
		}
	}
}

func cpuTime(b testing.TB) time.Duration {
	var spent unix.Timespec
	must(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent))
	return time.Duration(spent.Nano())
}

// BenchmarkProgram is the time a program takes for a packet.
func BenchmarkProgram(b *testing.B) {
	on := newBench(b, append(many(4999), hostVIPs()...)...)
	for _, p := range on.all {
		for name, frame := range map[string][]byte{
			"VIP": ipv4(theVIP4, theVIP4), "other": ipv4(theNode4, thePeer4), "IPv6 other": tcp6(theNode6, thePeer6),
		} {
			for _, until := range []time.Duration{0, bootTime(b) + time.Hour} {
				b.Run(fmt.Sprintf("%s, %s, open %v", p.name, name, until > 0), func(b *testing.B) {
					on.vips.memory.leases[clusterLease].set(0)
					on.vips.memory.leases[clusterLease].set(until)
					_, took, err := p.Benchmark(frame, 200_000, nil)
					must(b, err)
					b.ReportMetric(float64(took.Nanoseconds()), "ns/packet")
				})
			}
		}
	}
}

// BenchmarkRouter is the time a program takes for packets of a router's VIP while
// its lease runs.
func BenchmarkRouter(b *testing.B) {
	on := newBench(b, append(many(4999), hostVIPs()...)...)
	must(b, on.vips.protect(1, []VIP{host(routersVIP4), host(routersVIP6)}, []MAC{{virtual4, 1}}))
	on.vips.memory.leases[1].set(bootTime(b) + time.Hour)
	for _, p := range on.all {
		for name, frame := range map[string][]byte{
			"VIP": ipv4(routersVIP4, routersVIP4), "VIP by MAC": from(virtual4, ipv4(routersVIP4, routersVIP4)),
			"IPv6": tcp6(routersVIP6, routersVIP6), "other": ipv4(theNode4, thePeer4), "other by MAC": from(virtual4, ipv4(theNode4, theNode4)),
		} {
			b.Run(fmt.Sprintf("%s, %s", p.name, name), func(b *testing.B) {
				_, took, err := p.Benchmark(frame, 200_000, nil)
				must(b, err)
				b.ReportMetric(float64(took.Nanoseconds()), "ns/packet")
			})
		}
	}
}
