package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

const (
	vip4 = "198.18.0.100"
	vip6 = "2001:db8::100"
)

func TestMain(m *testing.M) {
	if os.Getenv(abandonEnv) != "" {
		abandonLab()
	}
	goleak.VerifyTestMain(m)
}

// newLab returns a lab with one switch and that many hosts on it: h1, h2, ...
func newLab(t *testing.T, hosts int) (*Lab, []*Host) {
	t.Helper()
	NeedRoot(t)
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, l.Close()) })
	sw, err := l.AddSwitch()
	if err != nil {
		t.Fatal(err)
	}
	for i := range hosts {
		if _, err := l.AddHost(fmt.Sprintf("h%d", i+1), sw); err != nil {
			t.Fatal(err)
		}
	}
	return l, l.Hosts()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// give adds a virtual address to the host's eth0, as perch would.
func give(t *testing.T, h *Host, addr string) {
	t.Helper()
	eth, err := h.ns.nl.LinkByName("eth0")
	must(t, err)
	ip := netip.MustParseAddr(addr)
	err = h.ns.nl.AddrAdd(eth, &netlink.Addr{
		IPNet: ipNet(netip.PrefixFrom(ip, ip.BitLen())),
		Flags: unix.IFA_F_NODAD,
	})
	must(t, err)
}

func ping(t *testing.T, from *Host, to string) *Pinger {
	t.Helper()
	p, err := from.Ping(netip.MustParseAddr(to))
	must(t, err)
	return p
}

// waitAnswers waits until the pinger works, from now on.
func waitAnswers(t *testing.T, p *Pinger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, p.WaitAnswers(ctx, time.Now(), 10))
}

// waitSilence waits until nothing has answered for 50 ms.
func waitSilence(t *testing.T, p *Pinger) {
	t.Helper()
	eventually(t, "the answers end", func() bool {
		return p.Answered(time.Now().Add(-50*time.Millisecond)) == 0
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func names(hosts []*Host) []string {
	list := []string{}
	for _, h := range hosts {
		list = append(list, h.Name)
	}
	return list
}
