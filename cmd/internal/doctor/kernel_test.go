//go:build ipvs

// Few kernels of test machines have IPVS: TestKernelDoctor of the end-to-end tests runs
// this in one that does.

package doctor

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/sysctl"
)

const (
	ward    = "198.18.0.100:80"
	serverA = "198.18.1.2:80"
	serverB = "198.18.2.2:80"
)

// clinic is a director, in whose network namespace the test is, with a client and two
// servers in others.
type clinic struct {
	t      *testing.T
	home   int
	client int
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	c := &clinic{t: t}
	c.client = c.unshare()
	servers := map[string]int{serverA: c.unshare(), serverB: c.unshare()}
	c.home = c.unshare()
	c.join("client", c.client, "198.18.0.1/24", "198.18.0.2/24")
	c.join("veth1", servers[serverA], "198.18.1.1/30", "198.18.1.2/30")
	c.join("veth2", servers[serverB], "198.18.2.1/30", "198.18.2.2/30")
	c.run("ip", "address", "add", "198.18.0.100/32", "dev", "client", "valid_lft", "1000", "preferred_lft", "1000") // as by perch
	for address, ns := range servers {
		c.in(ns, func() { echo(t, address) })
	}
	return c
}

// unshare moves the thread to a new namespace.
func (c *clinic) unshare() int {
	c.t.Helper()
	must(c.t, unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(c.t, err)
	c.run("ip", "link", "set", "lo", "up")
	return fd
}

func (c *clinic) in(ns int, do func()) {
	must(c.t, unix.Setns(ns, unix.CLONE_NEWNET))
	defer func() { must(c.t, unix.Setns(c.home, unix.CLONE_NEWNET)) }()
	do()
}

// join makes a veth pair, whose end there is called eth0 and leads everywhere.
func (c *clinic) join(name string, ns int, here, there string) {
	c.t.Helper()
	gateway, _, _ := strings.Cut(here, "/")
	c.plug(name, ns, there, gateway)
	c.run("ip", "address", "add", here, "dev", name)
}

func (c *clinic) plug(name string, ns int, there, gateway string) {
	c.t.Helper()
	must(c.t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns)}))
	c.run("ip", "link", "set", "dev", name, "up")
	c.in(ns, func() {
		c.run("ip", "address", "add", there, "dev", "eth0")
		c.run("ip", "link", "set", "eth0", "up")
		c.run("ip", "route", "add", "default", "via", gateway)
	})
}

func (c *clinic) run(words ...string) {
	c.t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
}

// echo greets each client with the server's address, and then says what it hears.
func echo(t *testing.T, address string) {
	listener, err := net.Listen("tcp", address)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, address)
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
}

// dial returns a connection by way of the director, and the server that has it.
func (c *clinic) dial() (conn net.Conn, server string, err error) {
	c.in(c.client, func() { conn, err = net.DialTimeout("tcp", ward, 3*time.Second) })
	if err != nil {
		return nil, "", err
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	greeting := make([]byte, 64)
	n, err := conn.Read(greeting) // it comes in one piece
	return conn, string(greeting[:n]), err
}

func (c *clinic) mustDial() (net.Conn, string) {
	c.t.Helper()
	conn, server, err := c.dial()
	must(c.t, err)
	return conn, server
}

// ask says a word on a connection and waits for its echo.
func ask(conn net.Conn, limit time.Duration) error {
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write([]byte("?")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}

func (c *clinic) examine(cfg *config.Config) map[string]Finding {
	c.t.Helper()
	facts, err := Survey()
	must(c.t, err)
	found := map[string]Finding{}
	for _, f := range Examine(cfg, facts) {
		found[f.Subject] = f
	}
	if f := found["fence"]; f.Severity != Hint || !strings.HasPrefix(f.Text, "was not tried, since the kernel would load modules for it") {
		c.t.Errorf("of the fence it says %+v", f)
	}
	delete(found, "fence")
	return found
}

func (c *clinic) settings(cfg *config.Config) []sysctl.Setting {
	c.t.Helper()
	facts, err := Survey()
	must(c.t, err)
	return Settings(cfg, facts)
}

func TestDoctorInTheKernel(t *testing.T) {
	c := newClinic(t)
	cfg := newPatient().Config
	cfg.VIPs[0].Interface, cfg.VIPs[1].Interface = "client", "client"
	cfg.Services = cfg.Services[:1]
	cfg.Services[0].Scheduler = "rr"
	cfg.Services[0].Servers = []config.RealServer{realServer(serverA, "nat"), realServer(serverB, "nat")}

	// There are no files of the modules here, and the doctor loads none.
	for range 2 {
		if f, ok := c.examine(cfg)["ip_vs"]; !ok || f.Severity != Error {
			t.Fatalf("of ip_vs, which is not loaded, it says %+v", f)
		}
	}
	c.run("ipvsadm", "-A", "-t", ward, "-s", "rr")
	c.run("ipvsadm", "-a", "-t", ward, "-r", serverA, "-m")
	c.run("ipvsadm", "-a", "-t", ward, "-r", serverB, "-m")
	found := c.examine(cfg)
	for name, severity := range map[string]Severity{"net.ipv4.ip_forward": Error, "net.ipv4.vs.expire_nodest_conn": Hint} {
		if found[name].Severity != severity || !strings.HasPrefix(found[name].Text, "is 0: ") {
			t.Errorf("of %s it says %+v", name, found[name])
		}
	}
	if len(found) != 2 {
		t.Errorf("it finds %+v", found)
	}

	// What is an error does stop a service.
	if _, _, err := c.dial(); err == nil {
		t.Error("nat works without forwarding")
	}
	keeper := sysctl.NewKeeper(filepath.Join(t.TempDir(), "sysctls.json"), slog.New(slog.DiscardHandler))
	must(t, keeper.Set(c.settings(cfg)))
	if found := c.examine(cfg); len(found) != 0 {
		t.Errorf("it is mended, and still there is %+v", found)
	}

	// A drained server keeps its connections, and a removed one loses them at once.
	conn, server := c.mustDial()
	c.run("ipvsadm", "-e", "-t", ward, "-r", server, "-m", "-w", "0")
	if err := ask(conn, 10*time.Second); err != nil {
		t.Errorf("a connection to a drained server: %v", err)
	}
	c.run("ipvsadm", "-d", "-t", ward, "-r", server)
	if err := ask(conn, 20*time.Second); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection to a removed server: %v, want a reset", err)
	}
	c.run("ipvsadm", "-a", "-t", ward, "-r", server, "-m")

	must(t, keeper.Restore())
	if found := c.examine(cfg); len(found) != 2 {
		t.Errorf("it is put back, and there is %+v", found)
	}

	// As the kernel has it by default, it hangs.
	c.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	conn, server = c.mustDial()
	c.run("ipvsadm", "-d", "-t", ward, "-r", server)
	if err := ask(conn, 2*time.Second); err == nil || !errors.Is(err, syscall.ETIMEDOUT) && !isTimeout(err) {
		t.Errorf("a connection to a removed server: %v, want that it hangs", err)
	}
	c.run("ipvsadm", "-a", "-t", ward, "-r", server, "-m")

	c.persistence(cfg, keeper)
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}

// persistence looks at a client that persists with a server that is drained.
func (c *clinic) persistence(cfg *config.Config, keeper *sysctl.Keeper) {
	t := c.t
	c.run("ipvsadm", "-E", "-t", ward, "-s", "rr", "-p", "300")
	cfg.Services[0].Persistence = 5 * time.Minute
	conn, server := c.mustDial()
	c.run("ipvsadm", "-e", "-t", ward, "-r", server, "-m", "-w", "0")
	if _, again := c.mustDial(); again != server {
		t.Errorf("a client of the drained %s is led to %s by default", server, again)
	}
	if f := c.examine(cfg)["net.ipv4.vs.expire_quiescent_template"]; f.Severity != Hint {
		t.Errorf("of persistence it says %+v", f)
	}
	want := c.settings(cfg)
	must(t, keeper.Set(want))
	if !slices.Contains(want, sysctl.Setting{Name: "net/ipv4/vs/expire_quiescent_template", Value: 1}) {
		t.Errorf("wanted is %v", want)
	}
	if _, again := c.mustDial(); again == server {
		t.Errorf("a client of the drained %s is led there again", server)
	}
	if err := ask(conn, 10*time.Second); err != nil {
		t.Errorf("an old connection to the drained server: %v", err)
	}
	must(t, keeper.Restore())
}

// A director whose servers are in the network by which clients come tells those of the
// router, which is a shorter way back, unless both sysctls say not to.
func TestRedirectsInTheKernel(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	c := &clinic{t: t}
	c.client = c.unshare()
	director, there, router := c.unshare(), c.unshare(), c.unshare()
	c.home = router
	c.join("veth1", c.client, "198.18.9.1/24", "198.18.9.2/24")
	c.run("ip", "link", "add", "segment", "type", "bridge", "forward_delay", "0")
	c.run("ip", "link", "set", "segment", "up")
	c.run("ip", "address", "add", "198.18.0.254/24", "dev", "segment")
	c.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	c.plug("veth2", director, "198.18.0.1/24", "198.18.0.254")
	c.plug("veth3", there, "198.18.0.2/24", "198.18.0.1")
	c.run("ip", "link", "set", "veth2", "master", "segment")
	c.run("ip", "link", "set", "veth3", "master", "segment")
	c.in(there, func() {
		c.run("sysctl", "-q", "-w", "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.eth0.accept_redirects=0")
		// The kernel slows down with redirects to the same host: each round has its own server.
		for _, server := range []string{"198.18.0.2", "198.18.0.3", "198.18.0.4"} {
			c.run("ip", "address", "replace", server+"/24", "dev", "eth0")
			echo(t, server+":80")
		}
	})

	cfg := newPatient().Config
	cfg.Services = cfg.Services[:1]
	cfg.Services[0].Scheduler = "rr"
	cfg.Services[0].Servers = []config.RealServer{realServer("198.18.0.4:80", "nat")}
	cfg.VIPs = []config.VIP{{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"}}
	c.in(director, func() {
		c.run("ip", "address", "add", "198.18.0.100/24", "dev", "eth0")
		c.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
		c.run("ipvsadm", "-A", "-t", ward, "-s", "rr")
	})
	redirected := func(server string) bool {
		t.Helper()
		before, after := 0, 0
		c.in(director, func() {
			before = redirectsSent(t)
			c.run("ipvsadm", "-a", "-t", ward, "-r", server, "-m")
		})
		c.mustDial()
		c.in(director, func() {
			after = redirectsSent(t)
			c.run("ipvsadm", "-d", "-t", ward, "-r", server)
		})
		return after > before
	}

	if !redirected("198.18.0.2:80") {
		t.Error("no redirects by default")
	}
	c.in(director, func() { c.run("sysctl", "-q", "-w", "net.ipv4.conf.all.send_redirects=0") })
	if !redirected("198.18.0.3:80") {
		t.Error("no redirects with those of eth0 on")
	}
	c.in(director, func() {
		if f := c.examine(cfg)["net.ipv4.conf.eth0.send_redirects"]; f.Command != "sysctl -w net.ipv4.conf.eth0.send_redirects=0" {
			t.Errorf("it says %+v", f)
		}
		keeper := sysctl.NewKeeper(filepath.Join(t.TempDir(), "sysctls.json"), slog.New(slog.DiscardHandler))
		must(t, keeper.Set(c.settings(cfg)))
	})
	if redirected("198.18.0.4:80") {
		t.Error("redirects are sent still")
	}
}

// redirectsSent is how many redirects this host has sent, by /proc/net/snmp.
func redirectsSent(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/net/snmp")
	must(t, err)
	var names []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] != "Icmp:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		n, err := strconv.Atoi(words[slices.Index(names, "OutRedirects")])
		must(t, err)
		return n
	}
	t.Fatal("no counters of ICMP")
	return 0
}
