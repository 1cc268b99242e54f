package route

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lab is a network namespace with an interface eth0 that has the addresses
// 198.18.0.1/24 and 2001:db8::1/64.
type lab struct {
	t testing.TB
	*netlink.Handle
}

// newLab moves the goroutine of the test into a network namespace of its own, which
// ends with it: the thread stays locked, so that the runtime throws it away.
func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(t, err)
	t.Cleanup(h.Close)
	l := &lab{t, h}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "eth0"
	must(t, h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer0"}))
	for _, name := range []string{"lo", "peer0", "eth0"} {
		must(t, h.LinkSetUp(l.link(name)))
	}
	l.addr("198.18.0.1/24")
	l.addr("2001:db8::1/64")
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *lab) link(name string) netlink.Link {
	l.t.Helper()
	found, err := l.LinkByName(name)
	must(l.t, err)
	return found
}

func (l *lab) address(prefix string) *netlink.Addr {
	l.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	must(l.t, err)
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func (l *lab) addr(prefix string) {
	l.t.Helper()
	must(l.t, l.AddrAdd(l.link("eth0"), l.address(prefix)))
}

func (l *lab) delAddr(prefix string) {
	l.t.Helper()
	must(l.t, l.AddrDel(l.link("eth0"), l.address(prefix)))
}

// add adds a route as an operator would, and remove removes one of perch's.
func (l *lab) add(r Route) {
	l.t.Helper()
	n := r.entry(l.link("eth0").Attrs().Index).message()
	n.Protocol = unix.RTPROT_STATIC
	must(l.t, l.RouteAdd(n))
}

func (l *lab) remove(r Route) {
	l.t.Helper()
	must(l.t, l.RouteDel(r.entry(l.link("eth0").Attrs().Index).message()))
}

// list is the routes and rules of a protocol, as the kernel has them.
func (l *lab) list(protocol int) []string {
	l.t.Helper()
	list := []string{}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		filter := &netlink.Route{Protocol: netlink.RouteProtocol(protocol)}
		routes, err := l.RouteListFiltered(family, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
		must(l.t, err)
		for _, r := range routes {
			list = append(list, l.text(r))
		}
		rules, err := l.RuleList(family)
		must(l.t, err)
		for _, r := range rules {
			if int(r.Protocol) == protocol {
				list = append(list, asRule(family, r).String())
			}
		}
	}
	slices.Sort(list)
	return list
}

// text is a route as "DESTINATION via GATEWAY src SOURCE table N metric N TYPE ...".
func (l *lab) text(r netlink.Route) string {
	words := []string{r.Dst.String()}
	for name, ip := range map[string]net.IP{"via": r.Gw} {
		if ip != nil {
			words = append(words, name, ip.String())
		}
	}
	if r.Src != nil {
		words = append(words, "src", r.Src.String())
	}
	words = append(words, fmt.Sprintf("table %d metric %d scope %d", r.Table, r.Priority, r.Scope))
	if r.Type == unix.RTN_BLACKHOLE {
		words = append(words, "blackhole")
	}
	if r.Flags&unix.RTNH_F_ONLINK != 0 {
		words = append(words, "onlink")
	}
	return strings.Join(words, " ")
}

// has waits until the kernel has exactly these of perch.
func (l *lab) has(want ...string) {
	l.t.Helper()
	want = append([]string{}, want...)
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got = l.list(Protocol); slices.Equal(got, want) {
			return
		}
	}
	l.t.Fatalf("the kernel has\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
}

// eventually waits for a condition, at most a minute: the machine may be busy.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// run makes a Manager that runs until the test ends or stop is called.
func (l *lab) run() (m *Manager, stop func()) {
	l.t.Helper()
	m, err := New(nil)
	must(l.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("Run: %v", err)
		}
		m.Close()
	})
	l.t.Cleanup(stop)
	return m, stop
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
