package fence

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The figures are of traffic over a veth pair with the fence, divided by those without
// it: no clsact either. Both alternate in short rounds and are counted by time of the
// processor, because machines have moods. Run some hundred: go test -run '^$' -bench Fence -benchtime 300x ./vip/fence
const (
	benchWindow = 25 * time.Millisecond
	benchPause  = 5 * time.Millisecond
)

// benchCases are the sizes of the set, and whether the traffic is the VIP's.
func benchCases(b *testing.B, measure func(b *testing.B, w *wire, f *bpf, at netip.Addr)) {
	for _, vips := range []int{1, 5000} {
		for _, at := range []netip.Addr{theVIP4, theNode4} {
			name := "VIP"
			if at == theNode4 {
				name = "other"
			}
			b.Run(fmt.Sprintf("%d VIPs, to %s", vips, name), func(b *testing.B) {
				w := newWire(b)
				f := w.fence()
				must(b, f.Protect(append(many(vips-1), netip.PrefixFrom(theVIP4, 32))))
				must(b, f.Set(bootTime(b)+time.Hour))
				measure(b, w, f, at)
			})
		}
	}
}

// compare reports the median of the ratios of what count counts in a window.
func (w *wire) compare(b *testing.B, f *bpf, unit string, count func(time.Duration) float64) {
	eth0, lo := w.link("eth0"), w.link("lo")
	measure := func(on bool) float64 {
		for _, l := range []netlink.Link{eth0, lo} {
			delete(f.qdiscs, l.Attrs().Index)
			if on {
				must(b, f.secure(l))
			} else {
				must(b, w.here.QdiscDel(&netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
					LinkIndex: l.Attrs().Index, Handle: clsactHandle, Parent: netlink.HANDLE_CLSACT,
				}}))
			}
		}
		count(benchPause)
		return count(benchWindow)
	}
	var ratios, with, without []float64
	for b.Loop() {
		a, f := measure(false), measure(true)
		ratios, without, with = append(ratios, f/a), append(without, a), append(with, f)
	}
	b.ReportMetric(quantile(ratios, 0.5), "of-unfenced")
	// The best tenth is what a machine does that nobody else uses.
	b.ReportMetric(quantile(with, 0.9)/quantile(without, 0.9), "of-unfenced-at-best")
	b.ReportMetric(quantile(with, 0.5), unit)
	b.ReportMetric(0, "ns/op")
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

// BenchmarkFenceTCP is about the throughput of one connection, both ends of which are in
// this process.
func BenchmarkFenceTCP(b *testing.B) {
	benchCases(b, func(b *testing.B, w *wire, f *bpf, at netip.Addr) {
		listener, err := net.Listen("tcp4", netip.AddrPortFrom(at, 0).String())
		must(b, err)
		var client net.Conn
		w.atPeer(func() { client, err = net.Dial("tcp4", listener.Addr().String()) })
		must(b, err)
		server, err := listener.Accept()
		must(b, err)
		var received atomic.Int64
		done := make(chan struct{}, 2)
		go func() {
			defer func() { done <- struct{}{} }()
			for buffer := make([]byte, 1<<18); ; {
				if _, err := client.Write(buffer); err != nil {
					return
				}
			}
		}()
		go func() {
			defer func() { done <- struct{}{} }()
			for buffer := make([]byte, 1<<18); ; {
				n, err := server.Read(buffer)
				if err != nil {
					return
				}
				received.Add(int64(n))
			}
		}()
		w.compare(b, f, "Gbit/cpu-s", func(window time.Duration) float64 {
			spent, before := cpuTime(b, unix.CLOCK_PROCESS_CPUTIME_ID), received.Load()
			time.Sleep(window)
			bits := float64(received.Load()-before) * 8
			return bits / 1e9 / (cpuTime(b, unix.CLOCK_PROCESS_CPUTIME_ID) - spent).Seconds()
		})
		client.Close()
		server.Close()
		listener.Close()
		<-done
		<-done
	})
}

// BenchmarkFenceIngress is about packets a second that come in, to a socket that is
// full.
func BenchmarkFenceIngress(b *testing.B) {
	benchCases(b, func(b *testing.B, w *wire, f *bpf, at netip.Addr) {
		sink, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 9)))
		must(b, err)
		defer sink.Close()
		var source *net.UDPConn
		w.atPeer(func() {
			source, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 9)))
		})
		must(b, err)
		defer source.Close()
		w.compare(b, f, "packets/cpu-s", flood(b, source))
	})
}

// BenchmarkFenceEgress is about packets a second that go out.
func BenchmarkFenceEgress(b *testing.B) {
	benchCases(b, func(b *testing.B, w *wire, f *bpf, at netip.Addr) {
		var sink *net.UDPConn
		var err error
		to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(thePeer4, 9))
		w.atPeer(func() { sink, err = net.ListenUDP("udp4", to) })
		must(b, err)
		defer sink.Close()
		source, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)), to)
		must(b, err)
		defer source.Close()
		w.compare(b, f, "packets/cpu-s", flood(b, source))
	})
}

// flood sends small datagrams as fast as it can, and returns their number in a second
// of the processor: the sender does all the work, up to the other end's socket.
func flood(b *testing.B, source *net.UDPConn) func(time.Duration) float64 {
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
	raw, err := source.SyscallConn()
	must(b, err)
	return func(window time.Duration) float64 {
		sent, began, spent := 0, time.Now(), cpuTime(b, unix.CLOCK_THREAD_CPUTIME_ID)
		for time.Since(began) < window {
			must(b, raw.Write(func(fd uintptr) bool {
				n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&batch)), uintptr(len(batch)), 0, 0, 0)
				if errno == 0 {
					sent += int(n)
				}
				return true
			}))
		}
		return float64(sent) / (cpuTime(b, unix.CLOCK_THREAD_CPUTIME_ID) - spent).Seconds()
	}
}

func cpuTime(b *testing.B, clock int32) time.Duration {
	var spent unix.Timespec
	must(b, unix.ClockGettime(clock, &spent))
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
					on.vips.memory.set(0)
					on.vips.memory.set(until)
					_, took, err := p.Benchmark(frame, 200_000, nil)
					must(b, err)
					b.ReportMetric(float64(took.Nanoseconds()), "ns/packet")
				})
			}
		}
	}
}
