package checker

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// netLab is two network namespaces: that of the test and one with a server, joined by
// eth0 and eth1. The server has addresses of its own, 198.18.9.9 and 2001:db8:9::9, to
// which eth0 is the way unless something else is said.
type netLab struct {
	t           testing.TB
	here, there int // file descriptors
}

const (
	labServer4 = "198.18.9.9"
	labServer6 = "2001:db8:9::9"
)

// newNetLab moves the goroutine of the test into a namespace, which ends with it: the
// thread stays locked, so that the runtime throws it away.
func newNetLab(t testing.TB) *netLab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	l := &netLab{t: t}
	l.there = l.unshare()
	l.here = l.unshare()
	for i := range 2 {
		l.ip(fmt.Sprintf("link add eth%d type veth peer name peer%d netns /proc/%d/fd/%d", i, i, os.Getpid(), l.there))
	}
	l.inServer(func() {
		l.ip("link set lo up", "addr add 198.18.9.9/32 dev lo", "addr add 2001:db8:9::9/128 dev lo nodad")
		for i := range 2 {
			l.ip(
				fmt.Sprintf("link set peer%d up", i),
				fmt.Sprintf("addr add 198.18.%d.1/24 dev peer%d", i, i),
				fmt.Sprintf("addr add 2001:db8:%d::1/64 dev peer%d nodad", i, i),
			)
		}
	})
	l.ip("link set lo up")
	for i := range 2 {
		l.ip(
			fmt.Sprintf("link set eth%d up", i),
			fmt.Sprintf("addr add 198.18.%d.2/24 dev eth%d", i, i),
			fmt.Sprintf("addr add 2001:db8:%d::2/64 dev eth%d nodad", i, i),
			fmt.Sprintf("route add default via 198.18.%d.1 metric %d", i, i+1),
			fmt.Sprintf("-6 route add default via 2001:db8:%d::1 metric %d", i, i+1),
		)
	}
	return l
}

// unshare moves the thread into a new namespace.
func (l *netLab) unshare() (fd int) {
	l.t.Helper()
	l.must(unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	l.must(err)
	l.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// inServer runs f in the namespace of the server.
func (l *netLab) inServer(f func()) {
	l.t.Helper()
	l.must(unix.Setns(l.there, unix.CLONE_NEWNET))
	defer func() { l.must(unix.Setns(l.here, unix.CLONE_NEWNET)) }()
	f()
}

// ip runs commands of iproute2 in the namespace that the thread is in.
func (l *netLab) ip(commands ...string) {
	l.t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			l.t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
}

func (l *netLab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// tellSource serves at host over TCP and UDP, each at a port that it returns, by telling
// each client the address that it comes from.
func (l *netLab) tellSource(host string) (overTCP, overUDP string) {
	l.t.Helper()
	l.inServer(func() {
		overTCP = rawServer(l.t, host, func(conn net.Conn) { tells(conn.RemoteAddr().String())(conn) })
		packets, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		l.must(err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				_, from, err := packets.ReadFrom(make([]byte, 512))
				if err != nil {
					return
				}
				packets.WriteTo([]byte(from.String()), from)
			}
		}()
		l.t.Cleanup(func() { packets.Close(); <-ended })
		overUDP = packets.LocalAddr().String()
	})
	return overTCP, overUDP
}

// forward makes the namespace that the thread is in a router, which says at once what it
// cannot reach.
func (l *netLab) forward() {
	l.t.Helper()
	for name, value := range map[string]string{
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
		"ipv4/icmp_ratemask": "0", "ipv6/icmp/ratelimit": "0",
	} {
		l.must(os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644))
	}
}

// needVRF skips a test where the kernel has no VRFs, as some small ones.
func (l *netLab) needVRF() {
	l.t.Helper()
	out, err := exec.Command("ip", "link", "add", "vrf-probe", "type", "vrf", "table", "99").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		l.t.Fatalf("VRF: %v: %s", err, out)
	}
	l.t.Skipf("VRF: %v: %s", err, out)
}
