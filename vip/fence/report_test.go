package fence

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	benchRounds = flag.Int("rounds", 600, "rounds of each comparison of traffic")
	benchRecord = flag.String("record", "", "file between whose markers the figures go")
)

const (
	endRounds   = 60 // of the end of a lease
	recordBegin = "<!-- figures of make bench-fence -->\n"
	recordEnd   = "<!-- end of figures -->\n"
)

// BenchmarkFence measures what traffic pays for a bpf fence and when the last answer
// comes, and prints, or with -record writes, tables. It is to be run with -benchtime 1x.
func BenchmarkFence(b *testing.B) {
	var u unix.Utsname
	must(b, unix.Uname(&u))
	var kept columns
	report := fmt.Sprintf("Measured on %s: %d cores, Linux %s, %s.\n\n%s\n%s", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]), runtime.Version(), trafficTable(b, &kept), endTable(b, &kept))
	b.ReportMetric(0, "ns/op")
	fmt.Print("\n" + report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, report))
	}
}

func record(path, report string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(data), recordBegin)
	_, tail, ok2 := strings.Cut(rest, recordEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the markers of the figures", path)
	}
	return os.WriteFile(path, []byte(head+recordBegin+report+recordEnd+tail), 0o644)
}

func trafficTable(b *testing.B, kept *columns) string {
	table := "| with the fence / without | 1 VIP, its traffic | 1 VIP, other traffic | 5,000 VIPs, their traffic | 5,000 VIPs, other traffic |\n|---|---|---|---|---|\n"
	for _, t := range []struct {
		name string
		comparison
	}{
		{"TCP throughput", comparison{traffic: stream}},
		{"packets a second in, UDP of 64 bytes", comparison{traffic: inwards}},
		{"packets a second out, UDP of 64 bytes", comparison{traffic: outwards}},
	} {
		table += "| " + t.name + " |"
		for _, t.vips = range []int{1, 5000} {
			for _, t.here = range []netip.Addr{theVIP4, theNode4} {
				b.Run(fmt.Sprintf("%s, %d VIPs, %s", t.name, t.vips, t.here), func(b *testing.B) {
					ratios := t.ratios(b, *benchRounds)
					kept.add(b, fmt.Sprintf("%s: %d VIPs, to %s: fenced / unfenced", t.name, t.vips, t.here), ratios)
					ratio := quantile(ratios, 0.5)
					b.ReportMetric(ratio, "of-unfenced")
					b.ReportMetric(0, "ns/op")
					table += fmt.Sprintf(" %.3f |", ratio)
				})
			}
		}
		table += "\n"
	}
	return table
}

func endTable(b *testing.B, kept *columns) string {
	table := "| the last answer, after the end of the lease | rounds | median µs | longest µs |\n|---|---|---|---|\n"
	for _, c := range strong {
		b.Run("end of "+string(c.kind), func(b *testing.B) {
			after := lastAnswers(b, c, endRounds)
			kept.add(b, fmt.Sprintf("%s: the last answer after the end of the lease, µs", c.kind), after)
			median, longest := quantile(after, 0.5), quantile(after, 1)
			b.ReportMetric(median, "median-µs")
			b.ReportMetric(longest, "longest-µs")
			b.ReportMetric(0, "ns/op")
			table += fmt.Sprintf("| %s | %d | %.0f | %.0f |\n", c.kind, len(after), median, longest)
		})
	}
	return table
}

// lastAnswers pings the VIP without a pause while the lease ends, and returns how many
// microseconds later the last answer came; less than none if it came before.
func lastAnswers(b *testing.B, c candidate, rounds int) []float64 {
	n := newNetwork(b)
	n.wire("eth0", "peer0")
	n.address("eth0", "198.18.0.1/24")
	n.address("peer0", "198.18.0.2/24")
	f := startFence(b, c.kind, c.open)
	n.must(f.Protect([]netip.Prefix{netip.PrefixFrom(vip4, 32)}))
	n.must(f.Guard(n.index("eth0")))
	n.address("eth0", "198.18.0.100/24")
	n.must(unix.SetsockoptInt(n.wires["peer0"], unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	protocol, data := echo(vip4, 1)
	question := ethernet(n.mac("eth0"), n.mac("peer0"), unix.ETH_P_IP, ipPacket(client4, vip4, protocol, data))
	var after []float64
	for range rounds {
		until := boottime() + 40*time.Millisecond
		n.must(f.Open(f.Epoch(), until))
		last, behind := time.Duration(0), realTime(b)-boottime()
		for boottime() < until+5*time.Millisecond {
			n.send("peer0", question)
			last = max(last, n.lastAnswer()-behind)
		}
		if last == 0 {
			b.Fatal("no answer")
		}
		after = append(after, float64((last-until).Nanoseconds())/1e3)
	}
	return after
}

// lastAnswer is when, by the time of day, the last of the answers came that wait at the
// client, or 0.
func (n *network) lastAnswer() (last time.Duration) {
	frame, control := make([]byte, 2048), make([]byte, 128)
	for {
		size, length, _, from, err := unix.Recvmsg(n.wires["peer0"], frame, control, 0)
		if err != nil {
			return last
		}
		if from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING ||
			!parseFrame("peer0", frame[:size]).icmpFrom(vip4, echoReply4, echoReply6) {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(control[:length])
		n.must(err)
		at := *(*unix.Timespec)(unsafe.Pointer(&messages[0].Data[0]))
		last = time.Duration(at.Nano())
	}
}

func realTime(b testing.TB) time.Duration {
	b.Helper()
	var now unix.Timespec
	must(b, unix.ClockGettime(unix.CLOCK_REALTIME, &now))
	return time.Duration(now.Nano())
}
