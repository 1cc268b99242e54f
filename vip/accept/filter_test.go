package accept

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lab is two namespaces joined by a veth pair: the test runs in the one that has addresses.
type lab struct {
	t           testing.TB
	here, there int
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLab moves the thread of the test into a namespace of its own, which ends with it.
func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	l := &lab{t: t}
	l.there = l.unshare()
	l.here = l.unshare()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "eth0"
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer0", PeerNamespace: netlink.NsFd(l.there)}))
	l.set("eth0", "198.18.0.1/24", "198.18.0.100/24", "2001:db8::1/64", "2001:db8::100/64", "fe80::1/64", "fe80::100/64")
	l.in(l.there, func() { l.set("peer0", "198.18.0.9/24", "2001:db8::9/64", "fe80::9/64") })
	return l
}

func (l *lab) unshare() int {
	l.t.Helper()
	must(l.t, unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(l.t, err)
	l.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func (l *lab) in(fd int, f func()) {
	l.t.Helper()
	must(l.t, unix.Setns(fd, unix.CLONE_NEWNET))
	defer func() { must(l.t, unix.Setns(l.here, unix.CLONE_NEWNET)) }()
	f()
}

// set brings up an interface with addresses.
func (l *lab) set(name string, addresses ...string) {
	l.t.Helper()
	lo, err := netlink.LinkByName("lo")
	must(l.t, err)
	must(l.t, netlink.LinkSetUp(lo))
	link, err := netlink.LinkByName(name)
	must(l.t, err)
	must(l.t, netlink.LinkSetUp(link))
	for _, text := range addresses {
		a, err := netlink.ParseAddr(text)
		must(l.t, err)
		a.Flags |= unix.IFA_F_NODAD
		must(l.t, netlink.AddrAdd(link, a))
	}
}

// takes tells whether a connection from the other side to an address comes through.
func (l *lab) takes(address string) bool {
	l.t.Helper()
	listener, err := net.Listen("tcp", "[::]:0")
	must(l.t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(l.t, err)
	if strings.HasPrefix(address, "fe80:") {
		address += "%peer0"
	}
	var conn net.Conn
	l.in(l.there, func() {
		conn, err = net.DialTimeout("tcp", net.JoinHostPort(address, port), 300*time.Millisecond)
	})
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (l *lab) want(taken string, refused string) {
	l.t.Helper()
	for _, a := range strings.Fields(taken) {
		for end := time.Now().Add(time.Minute); !l.takes(a); { // the machine may be busy
			if time.Now().After(end) {
				l.t.Fatalf("nothing is taken for %s", a)
			}
		}
	}
	for _, a := range strings.Fields(refused) {
		if l.takes(a) {
			l.t.Errorf("something is taken for %s", a)
		}
	}
}

func addresses(list ...string) (all []Address) {
	for _, a := range list {
		all = append(all, Address{netip.MustParseAddr(a), "eth0"})
	}
	return all
}

// rules is the table as nft prints it.
func rules(t testing.TB) string {
	t.Helper()
	out, _ := exec.Command("nft", "list", "ruleset").CombinedOutput() // in the namespace of the thread
	return string(out)
}

func TestNothingIsTaken(t *testing.T) {
	l := newLab(t)
	const own, virtual = "198.18.0.1 2001:db8::1 fe80::1", "198.18.0.100 2001:db8::100 fe80::100"
	var f Filter
	l.want(own+" "+virtual, "")
	must(t, f.Set(addresses("198.18.0.100", "2001:db8::100", "fe80::100", "198.18.0.100")))
	l.want(own, virtual)
	l.found("198.18.0.100")
	must(t, f.Set(addresses("198.18.0.100")))
	l.want(own+" 2001:db8::100 fe80::100", "198.18.0.100")
	must(t, f.Set(nil))
	l.want(own+" "+virtual, "")
	if got := rules(t); strings.Contains(got, tableName) {
		t.Errorf("what is left:\n%s", got)
	}
}

// found wants the other side to know the MAC of addresses.
func (l *lab) found(address string) {
	l.t.Helper()
	l.in(l.there, func() {
		list, err := netlink.NeighList(0, netlink.FAMILY_V4)
		must(l.t, err)
		for _, n := range list {
			if n.IP.String() == address && len(n.HardwareAddr) == 6 {
				return
			}
		}
		l.t.Errorf("%s is not found: %v", address, list)
	})
}

// Nothing leaves from them either, and a link-local address is that of one link.
func TestNothingLeaves(t *testing.T) {
	l := newLab(t)
	var heard net.Listener
	l.in(l.there, func() {
		var err error
		heard, err = net.Listen("tcp", "198.18.0.9:0")
		must(t, err)
	})
	defer heard.Close()
	dial := func(from string) error {
		d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", heard.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err
	}
	var f Filter
	must(t, f.Set(append(addresses("198.18.0.100"), Address{netip.MustParseAddr("fe80::100"), "eth9"})))
	if dial("198.18.0.100") == nil {
		t.Error("it leaves from a virtual address")
	}
	must(t, dial("198.18.0.1"))
	l.want("fe80::100", "")
}

// A table that somebody has flushed comes back, and one of a dead process goes.
func TestTableIsMended(t *testing.T) {
	l := newLab(t)
	var f Filter
	if mended, err := f.Mend(); mended || err != nil {
		t.Errorf("without a table: %v, %v", mended, err)
	}
	must(t, f.Set(addresses("198.18.0.100")))
	if mended, err := f.Mend(); mended || err != nil {
		t.Errorf("while it is there: %v, %v", mended, err)
	}
	c, err := nftables.New()
	must(t, err)
	c.FlushRuleset()
	must(t, c.Flush())
	if mended, err := f.Mend(); !mended || err != nil {
		t.Errorf("after it was flushed: %v, %v", mended, err)
	}
	l.want("198.18.0.1", "198.18.0.100")
	var next Filter
	must(t, next.Set(nil))
	l.want("198.18.0.100", "")
}

// What could not be set is told for as long as it is not, and tried again.
func TestFailureIsNotForgotten(t *testing.T) {
	l := newLab(t)
	var f Filter
	must(t, f.Set(addresses("198.18.0.100")))
	for range 2 {
		if err := f.Set([]Address{{}}); err == nil {
			t.Fatal("the kernel takes no address for one")
		}
		if mended, err := f.Mend(); mended || err == nil {
			t.Errorf("after a failure: %v, %v", mended, err)
		}
	}
	l.want("198.18.0.1", "198.18.0.100") // as it was
	f.want = normal(addresses("2001:db8::100"))
	if mended, err := f.Mend(); mended || err != nil {
		t.Errorf("when it goes: %v, %v", mended, err)
	}
	l.want("198.18.0.100", "2001:db8::100")
}

func TestManyAddresses(t *testing.T) {
	newLab(t)
	var many []Address
	a := netip.MustParseAddr("10.0.0.1")
	b := netip.MustParseAddr("2001:db8:1::1")
	for range 3000 {
		many = append(many, Address{a, "eth0"}, Address{b, "eth0"})
		a, b = a.Next(), b.Next()
	}
	var f Filter
	must(t, f.Set(many))
	if got := rules(t); got != "" && !strings.Contains(got, "10.0.11.184") {
		t.Errorf("the last is not there:\n%.2000s", got)
	}
}
