package fence

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// wire is two network namespaces joined by a veth pair: eth0 where the goroutine of
// the test is, which has the VIP, and peer0 where its client is.
type wire struct {
	testing.TB
	here, there     *netlink.Handle
	hereFD, thereFD int
}

// newWire moves the goroutine of the test into a namespace of its own, which ends with
// it: the thread stays locked, so that the runtime throws it away.
func newWire(t testing.TB) *wire {
	t.Helper()
	needRoot(t)
	runtime.LockOSThread()
	w := &wire{TB: t}
	w.there, w.thereFD = w.unshare()
	w.here, w.hereFD = w.unshare()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "eth0"
	must(t, w.here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer0", PeerNamespace: netlink.NsFd(w.thereFD)}))
	w.address(w.there, "peer0", thePeer4, thePeer6)
	w.address(w.here, "eth0", theNode4, theNode6)
	w.address(w.here, "eth0", theVIP4, theVIP6)
	must(t, w.here.LinkSetUp(w.link("lo")))
	return w
}

func (w *wire) unshare() (*netlink.Handle, int) {
	w.Helper()
	must(w, unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(w, err)
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(w, err)
	w.Cleanup(func() { h.Close(); unix.Close(fd) })
	return h, fd
}

func (w *wire) address(h *netlink.Handle, name string, addresses ...netip.Addr) {
	w.Helper()
	l, err := h.LinkByName(name)
	must(w, err)
	for _, a := range addresses {
		length := 24
		if a.Is6() {
			length = 64
		}
		must(w, h.AddrAdd(l, &netlink.Addr{
			IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(length, a.BitLen())}, Flags: unix.IFA_F_NODAD,
		}))
	}
	must(w, h.LinkSetUp(l))
}

func (w *wire) link(name string) netlink.Link {
	w.Helper()
	l, err := w.here.LinkByName(name)
	must(w, err)
	return l
}

// atPeer runs f in the client's namespace.
func (w *wire) atPeer(f func()) {
	w.Helper()
	must(w, unix.Setns(w.thereFD, unix.CLONE_NEWNET))
	defer func() { must(w, unix.Setns(w.hereFD, unix.CLONE_NEWNET)) }()
	f()
}

// answers knocks at a closed port of an address, after its entry in the client's table
// of neighbors is gone. A refusal is an answer.
func (w *wire) answers(a netip.Addr) bool {
	w.Helper()
	var err error
	w.atPeer(func() {
		must(w, exec.Command("ip", "neigh", "flush", "dev", "peer0").Run())
		dialer := net.Dialer{Timeout: 300 * time.Millisecond}
		_, err = dialer.Dial("tcp", netip.AddrPortFrom(a, 9).String())
	})
	return errors.Is(err, unix.ECONNREFUSED)
}

// wantAnswers asks again for an answer that is to come: the machine may be busy.
func (w *wire) wantAnswers(want bool, addresses ...netip.Addr) {
	w.Helper()
	for _, a := range addresses {
		got := w.answers(a)
		for range 9 {
			if !want || got {
				break
			}
			got = w.answers(a)
		}
		if got != want {
			w.Errorf("%s answers: %v, want %v", a, got, want)
		}
	}
}

// open makes a mechanism in the namespace of the test, with its two VIPs.
func (w *wire) open() *bpf {
	w.Helper()
	m, err := openBPF(slog.New(slog.DiscardHandler))
	must(w, err)
	b := m.(*bpf)
	must(w, b.Protect(hostVIPs()))
	return b
}

// fence is one that ends with the test.
func (w *wire) fence() *bpf {
	w.Helper()
	b := w.open()
	w.Cleanup(func() { must(w, b.Close()) })
	return b
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestLeaseOnTheWire(t *testing.T) {
	w := newWire(t)
	b := w.fence()
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantAnswers(true, theNode4, theNode6)
	must(t, b.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
	must(t, b.Set(0))
	w.wantAnswers(false, theVIP4, theVIP6)
	w.wantAnswers(true, theNode4, theNode6)
	end := bootTime(t) + 2*time.Second
	must(t, b.Set(end))
	w.wantAnswers(true, theVIP4)
	time.Sleep(end - bootTime(t))
	w.wantAnswers(false, theVIP4, theVIP6)
}

// childEnv tells TestOwnUntilKilled that it is a process of its own.
const childEnv = "PERCH_FENCE_TEST_CHILD"

// TestOwnUntilKilled is the process that other tests start and kill. By itself it is
// not a test.
func TestOwnUntilKilled(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		return
	}
	m, err := openBPF(slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, m.Protect(hostVIPs()))
	must(t, m.Set(bootTime(t)+time.Second))
	fmt.Println("open")
	for range 1000 {
		time.Sleep(50 * time.Millisecond)
		must(t, m.Set(bootTime(t)+time.Second))
	}
}

// TestSuccessor is a process of another kind, likewise.
func TestSuccessor(t *testing.T) {
	kind := os.Getenv(childEnv)
	if kind == "" {
		return
	}
	f, err := New(Kind(kind), slog.New(slog.NewTextHandler(os.Stdout, nil)))
	must(t, err)
	must(t, f.Protect(hostVIPs()))
	must(t, f.Open(f.Epoch(), bootTime(t)+time.Hour))
	fmt.Println("open")
	time.Sleep(time.Minute)
}

// successor is that process, as nobody without CAP_BPF.
func successor(kind Kind) *exec.Cmd {
	child := owner(unix.CAP_NET_ADMIN)
	child.Args[1] = "-test.run=^TestSuccessor$"
	child.Env = append(os.Environ(), childEnv+"="+string(kind))
	return child
}

// owner is that process, in the namespace of the test; as nobody with some
// capabilities, if there are any.
func owner(capabilities ...uintptr) *exec.Cmd {
	child := exec.Command("/proc/self/exe", "-test.run=^TestOwnUntilKilled$")
	child.Env = append(os.Environ(), childEnv+"=1")
	if len(capabilities) > 0 {
		child.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: capabilities,
		}
	}
	return child
}

// start starts an owner, and returns once its fence is open.
func (w *wire) start(child *exec.Cmd) *exec.Cmd {
	w.Helper()
	out, err := child.StdoutPipe()
	must(w, err)
	must(w, child.Start())
	w.Cleanup(func() { _ = child.Process.Kill() })
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "open" {
			return child
		}
		said = append(said, lines.Text())
	}
	w.Fatalf("the owner ended without a fence: %s", strings.Join(said, "\n"))
	return nil
}

// kill kills it, and waits until the VIPs are silent.
func (w *wire) kill(child *exec.Cmd) {
	w.Helper()
	must(w, child.Process.Kill())
	_ = child.Wait()
	eventually(w, "the VIPs are silent", func() bool { return !w.answers(theVIP4) && !w.answers(theVIP6) })
}

func TestFenceOutlivesProcess(t *testing.T) {
	w := newWire(t)
	child := w.start(owner())
	w.wantAnswers(true, theVIP4)
	w.kill(child)
	w.wantAnswers(true, theNode4)

	// The next one knows the VIPs later than it starts: what the dead one left must
	// stay until then.
	m, err := openBPF(slog.New(slog.DiscardHandler))
	must(t, err)
	b := m.(*bpf)
	defer func() { must(t, b.Close()) }()
	must(t, b.Audit())
	if err := b.Guard(w.link("eth0").Attrs().Index); !errors.Is(err, errUnarmed) {
		t.Errorf("guard without VIPs: %v", err)
	}
	w.wantAnswers(false, theVIP4, theVIP6)
	must(t, b.Protect(hostVIPs()))
	w.wantAnswers(false, theVIP4, theVIP6)
	must(t, b.Set(bootTime(t)+time.Hour))
	w.wantAnswers(true, theVIP4, theVIP6)
	for _, d := range directions {
		list, err := b.traffic.filters(w.link("eth0").Attrs().Index, d)
		must(t, err)
		if len(list) != 1 {
			t.Errorf("filters at %s: %v, want one", d, list)
		}
	}
}

// The capabilities of the shipped unit are enough, in older kernels too: see TestKernelFence
// of the end-to-end tests.
func TestUnitsCapabilities(t *testing.T) {
	w := newWire(t)
	child := w.start(owner(unix.CAP_NET_ADMIN, unix.CAP_BPF))
	w.wantAnswers(true, theVIP4, theVIP6)
	w.kill(child)
}

// They are also enough to get before others, and to take away what a predecessor did to that
// end.
func TestCapabilities(t *testing.T) {
	w := newWire(t)
	w.attachTCX(bypass(t))
	for range 2 {
		child := w.start(owner(unix.CAP_NET_ADMIN, unix.CAP_BPF))
		w.wantAnswers(true, theVIP4, theVIP6)
		w.wantTCX(2)
		w.kill(child)
	}
}

func TestMissingCapability(t *testing.T) {
	newWire(t)
	for _, has := range []uintptr{unix.CAP_NET_ADMIN, unix.CAP_BPF} {
		out, err := owner(has).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "CAP_BPF and CAP_NET_ADMIN") || strings.Contains(string(out), "rlimit") {
			t.Errorf("with capability %d only: %v\n%s", has, err, out)
		}
	}
}

// A daemon that was killed and comes back with a fence of another kind, or none,
// answers again.
func TestFenceOfAnotherKindTakesOver(t *testing.T) {
	for _, kind := range []Kind{NFTables, Lifetime, Off} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWire(t)
			w.kill(w.start(owner()))
			f, err := New(kind, slog.New(slog.DiscardHandler))
			must(t, err)
			defer func() { must(t, f.Close()) }()
			w.wantAnswers(false, theVIP4)
			must(t, f.Protect(hostVIPs()))
			must(t, f.Open(f.Epoch(), bootTime(t)+time.Minute))
			w.wantAnswers(true, theVIP4, theVIP6)
		})
	}
}

// Nor does that take the rights to have the mechanism that the dead one had, even
// where others are in front of what it left.
func TestSuccessorWithoutRights(t *testing.T) {
	for _, kind := range []Kind{Auto, Off} {
		for _, inFront := range []int{0, 1, 2} {
			t.Run(fmt.Sprintf("%s, %d in front", kind, inFront), func(t *testing.T) {
				w := newWire(t)
				foreign := 0
				if inFront > 0 {
					w.attachTCX(bypass(t))
					foreign++
				}
				w.kill(w.start(owner()))
				if inFront > 1 { // open to all that the first does not drop
					next, err := load("next", asm.Instructions{asm.Mov.Imm(asm.R0, -1), asm.Return()})
					must(t, err)
					defer next.Close()
					w.attachTCX(next)
					foreign++
				}
				w.wantAnswers(false, theVIP4)
				child := w.start(successor(kind))
				w.wantAnswers(true, theVIP4, theVIP6)
				w.wantFilters("eth0", "")
				w.wantFilters("lo", "")
				w.wantTCX(foreign)
				must(t, child.Process.Kill())
				_ = child.Wait()
			})
		}
	}
}

func TestSweepNFTables(t *testing.T) {
	w := newWire(t)
	n := openTables(t, slog.New(slog.DiscardHandler))
	must(t, n.Protect(hostVIPs()))
	n.killed(t)
	n.rules.Conn = nil
	w.run("nft add table inet other")
	w.wantAnswers(false, theVIP4)
	must(t, sweepNFTables(nil))
	w.wantAnswers(true, theVIP4, theVIP6)
	out, err := exec.Command("nft", "list", "tables").Output()
	must(t, err)
	if string(out) != "table inet other\n" {
		t.Errorf("tables are\n%s", out)
	}
	must(t, sweepNFTables(nil))
}

// Whoever may not look says so.
func TestSweepWithoutRights(t *testing.T) {
	w := newWire(t)
	w.kill(w.start(owner()))
	child := successor(Off)
	child.SysProcAttr.AmbientCaps = nil
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "open"; {
		said += lines.Text() + "\n"
	}
	must(t, child.Process.Kill())
	_ = child.Wait()
	for _, want := range []string{"level=ERROR", "fence=bpf", "fence=nftables", "tcx programs cannot be looked at"} {
		if !strings.Contains(said, want) {
			t.Errorf("it said no %q:\n%s", want, said)
		}
	}
}

// Who cannot begin leaves a predecessor's fence as it is.
func TestBeginFails(t *testing.T) {
	w := newWire(t)
	w.attachTCX(bypass(t)) // so that it has more than filters
	w.kill(w.start(owner()))
	w.run("tc qdisc del dev lo clsact")
	w.run("tc qdisc add dev lo ingress")
	for range 63 { // as many as the kernel takes
		must(t, tcxAttach(w.link("lo").Attrs().Index, egress, bypass(t)))
	}
	if _, err := openBPF(slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("it has begun")
	}
	w.wantFilters("eth0", "bpf:perch")
	w.wantTCX(2)
	if got := w.filters("lo", ingress); got != "" {
		t.Errorf("filters of lo: %s", got)
	}
	w.wantAnswers(false, theVIP4, theVIP6)
}
