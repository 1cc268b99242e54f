package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// burden is something of an operator's that must not delay a move.
type burden struct {
	config string // what each node has of it in its perch.toml
	// bear has it bear down on the nodes, as far as its config does not, and waits until it
	// does. end takes it away.
	bear func() (end func())
}

// operatorBench is a bench whose nodes tell those who hang.
type operatorBench struct {
	*bench
	hanging *atomic.Int64 // requests to who accepts and says nothing
}

// sinkPort is where those are that accept and say nothing.
const sinkPort = 8080

// hangingWebhooks are ten of which none gets an answer: some are accepted, some are not, and
// the names of some are not resolved.
func (x *operatorBench) hangingWebhooks() burden {
	x.b.Helper()
	sink := x.client
	at := sink.Eth0.IPv4.Addr()
	x.hanging = x.silence(sink, netip.AddrPortFrom(at, sinkPort))
	full := x.fullListener(sink, at)
	for _, n := range x.Nodes {
		x.silenceResolvers(n.Host)
	}
	var text strings.Builder
	for i := range 10 {
		address := []string{fmt.Sprintf("%s:%d", at, sinkPort), full.String(), "hangs.example.com"}[i%3]
		fmt.Fprintf(&text, "\n[[notify]]\non = [\"owner\", \"standby\"]\nwebhook = \"http://%s/%d\"\ntimeout = \"5s\"\n", address, i)
	}
	bear := func() func() {
		x.transferred()
		x.until("the webhooks hang", func() bool { return x.hanging.Load() > 0 })
		return func() {}
	}
	return burden{text.String(), bear}
}

// transferred moves the VIPs, so that all is told of that.
func (x *operatorBench) transferred() {
	x.b.Helper()
	x.until("the VIPs are transferred", func() bool {
		_, err := api.NewClient(x.settled().Socket()).Transfer(x.b.Context(), "")
		if errors.Is(err, api.ErrNotNow) {
			return false
		}
		must(x.b, err)
		return true
	})
}

// silence accepts clients, counts those that are there, and says nothing, until the benchmark ends.
func (x *operatorBench) silence(h *lab.Host, at netip.AddrPort) *atomic.Int64 {
	x.b.Helper()
	var listener net.Listener
	must(x.b, h.Do(func() (err error) {
		listener, err = net.Listen("tcp", at.String())
		return err
	}))
	there := &atomic.Int64{}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			there.Add(1)
			serving.Go(func() { // who hangs gives up by itself, or dies
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
				there.Add(-1)
			})
		}
	})
	x.b.Cleanup(func() {
		must(x.b, listener.Close())
		serving.Wait()
	})
	return there
}

// fullListener returns where nobody accepts, and no place is left in the kernel for who waits.
func (x *operatorBench) fullListener(h *lab.Host, at netip.Addr) netip.AddrPort {
	x.b.Helper()
	var fd int
	var full netip.AddrPort
	must(x.b, h.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: at.As4()}); err != nil {
			return err
		}
		if err = unix.Listen(fd, 0); err != nil {
			return err
		}
		name, err := unix.Getsockname(fd)
		if err == nil {
			full = netip.AddrPortFrom(at, uint16(name.(*unix.SockaddrInet4).Port))
		}
		return err
	}))
	x.b.Cleanup(func() { must(x.b, unix.Close(fd)) })
	for {
		ctx, cancel := context.WithTimeout(x.b.Context(), 500*time.Millisecond)
		conn, err := h.Dial(ctx, "tcp", full)
		cancel()
		if err != nil {
			return full
		}
		x.b.Cleanup(func() { _ = conn.Close() })
	}
}

// silenceResolvers has the name servers of this machine be on a host, where they answer nothing.
func (x *operatorBench) silenceResolvers(h *lab.Host) {
	x.b.Helper()
	for _, server := range nameServers(x.b) {
		var conn net.PacketConn
		must(x.b, h.Do(func() (err error) {
			if !server.IsLoopback() {
				lo, err := netlink.LinkByName("lo")
				if err != nil {
					return err
				}
				address := &netlink.Addr{IPNet: &net.IPNet{IP: server.AsSlice(), Mask: net.CIDRMask(server.BitLen(), server.BitLen())}}
				if err := netlink.AddrAdd(lo, address); err != nil {
					return err
				}
			}
			conn, err = net.ListenPacket("udp", netip.AddrPortFrom(server, 53).String())
			return err
		}))
		x.b.Cleanup(func() { must(x.b, conn.Close()) })
	}
}

// nameServers are those of /etc/resolv.conf, or else that of who has none.
func nameServers(tb testing.TB) (list []netip.Addr) {
	tb.Helper()
	text, err := os.ReadFile("/etc/resolv.conf")
	must(tb, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			if a, err := netip.ParseAddr(fields[1]); err == nil && a.Zone() == "" && !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	if len(list) == 0 {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}
	return list
}

// until waits until done is true.
func (x *operatorBench) until(what string, done func() bool) {
	x.b.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			x.b.Fatalf("not within 30 s: %s", what)
		}
	}
}

// configured has all nodes reload what they had at first, and more.
func (x *operatorBench) configured(first map[*lab.Node][]byte, more string) {
	x.b.Helper()
	for _, n := range x.Nodes {
		must(x.b, os.WriteFile(n.ConfigFile(), append(slices.Clone(first[n]), more...), 0o600))
		_, err := api.NewClient(n.Socket()).Reload(x.b.Context())
		must(x.b, err)
	}
}

// unburdened does what a burden does to the nodes before it bears down, once nothing hangs that
// one has left.
func (x *operatorBench) unburdened() burden {
	return burden{bear: func() func() {
		x.until("no webhook hangs", func() bool { return x.hanging.Load() == 0 })
		x.transferred()
		return func() {}
	}}
}

// proven wants a burden of webhooks to be one: none of them gets an answer, and none is refused.
func (x *operatorBench) proven(first map[*lab.Node][]byte, webhooks burden) {
	x.b.Helper()
	x.configured(first, webhooks.config)
	defer webhooks.bear()()
	hangs := func(n api.Notified) bool { // which of both is up to who is the first to give up
		return strings.Contains(n.Error, "no answer within") || strings.Contains(n.Error, "i/o timeout")
	}
	x.until("all webhooks have hung", func() bool {
		status, err := api.NewClient(x.settled().Socket()).Status(x.b.Context())
		return err == nil && len(status.Notify) == 10 && !slices.ContainsFunc(status.Notify, func(n api.Notified) bool { return !hangs(n) })
	})
	x.configured(first, "")
}

// compare measures moves with and without burdens in turn, each first as often as the other.
func (x *operatorBench) compare(k kind, first map[*lab.Node][]byte, burdens ...burden) (without, with figure) {
	x.b.Helper()
	without, with = figure{name: k.name + ", without"}, figure{name: k.name + ", with"}
	for i := range k.rounds {
		for j := range 2 {
			f, borne := &without, []burden{x.unburdened()}
			if (i+j)%2 == 1 {
				f, borne = &with, burdens
			}
			x.burdened(f, k, first, borne)
		}
	}
	x.b.Log(without.row())
	x.b.Log(with.row())
	return without, with
}

// burdened does one round under burdens.
func (x *operatorBench) burdened(f *figure, k kind, first map[*lab.Node][]byte, burdens []burden) {
	x.b.Helper()
	var more strings.Builder
	for _, b := range burdens {
		more.WriteString(b.config)
	}
	x.settled()
	x.configured(first, more.String())
	for _, b := range burdens {
		defer b.bear()()
	}
	owner := x.settled()
	x.answered(time.Now())
	gap, err := x.round(owner, k)
	f.add(x.b, gap, err)
	if k.mend != nil {
		must(x.b, k.mend(owner))
	}
}

// operatorReport renders moves without and with burdens as Markdown.
func operatorReport(b *testing.B, rows []string) string {
	b.Helper()
	return fmt.Sprintf("Measured on %s: %s.\n\n", time.Now().UTC().Format(time.DateOnly), machineName(b)) +
		"| move, profile fast (H = 100 ms), three nodes | rounds | dropped | median ms | p99 ms | longest ms |\n|---|---|---|---|---|---|\n" +
		strings.Join(rows, "\n") + "\n"
}

// BenchmarkOperator measures what ten webhooks that hang and five dashboards that are open cost
// a move, and prints, or with -record writes, a table.
func BenchmarkOperator(b *testing.B) {
	x := &operatorBench{bench: prepareBench(b, 3, benchHeartbeat, "")}
	webhooks := x.hangingWebhooks()
	first := map[*lab.Node][]byte{}
	for _, n := range x.Nodes {
		text, err := os.ReadFile(n.ConfigFile())
		must(b, err)
		first[n] = text
	}
	must(b, x.StartAll())
	x.settled()
	x.proven(first, webhooks)
	x.ping()
	var rows []string
	var figures []figure
	keep := func() { keepFigures(b, "operator", figures) }
	defer keep()
	for _, k := range kinds(*benchRounds, *benchRounds) {
		if k.name == "SIGSTOP of the owner" || k.name == "SIGTERM of the owner" {
			continue
		}
		without, with := x.compare(k, first, webhooks, x.openDashboards(5))
		figures = append(figures, without, with)
		keep()
		ratio := with.quantile(0.5).Seconds() / without.quantile(0.5).Seconds()
		rows = append(rows, without.row(), with.row(), fmt.Sprintf("| with / without | | | %.3f | | |", ratio))
	}
	must(b, x.pinger.Close())
	x.end()
	report := operatorReport(b, rows)
	fmt.Println(report)
	if *benchRecord != "" {
		must(b, record(*benchRecord, "<!-- figures of make bench-operator -->\n", report))
	}
}
