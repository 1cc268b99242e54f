package lab

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

func TestHostsOfASwitchReachEachOther(t *testing.T) {
	_, hosts := newLab(t, 2)
	for _, to := range []netip.Prefix{hosts[1].Eth0.IPv4, hosts[1].Eth0.IPv6} {
		waitAnswers(t, ping(t, hosts[0], to.Addr().String()))
	}
}

func TestAddressesSayWhichHostOnWhichSwitch(t *testing.T) {
	l, hosts := newLab(t, 2)
	second, err := l.AddSwitch()
	must(t, err)
	eth1, err := hosts[1].Join(second)
	must(t, err)
	got := []string{
		hosts[1].Eth0.Interface, hosts[1].Eth0.IPv4.String(), hosts[1].Eth0.IPv6.String(),
		eth1.Interface, eth1.IPv4.String(), eth1.IPv6.String(),
	}
	want := []string{
		"eth0", "198.18.0.2/24", "2001:db8::2/64",
		"eth1", "198.18.1.2/24", "2001:db8:0:1::2/64",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestSwitchesAreApart(t *testing.T) {
	l, hosts := newLab(t, 1)
	second, err := l.AddSwitch()
	must(t, err)
	far, err := l.AddHost("far", second)
	must(t, err)
	give(t, far, vip4)
	give(t, hosts[0], vip4)
	got, err := far.Answering(netip.MustParseAddr(vip4), 50*time.Millisecond)
	must(t, err)
	if len(got) != 0 {
		t.Errorf("%v answered across two switches", names(got))
	}
}

func TestHasAndRemoveAddress(t *testing.T) {
	_, hosts := newLab(t, 2)
	addr := netip.MustParseAddr(vip6)
	give(t, hosts[0], vip6)
	checkHas(t, hosts[0], addr, true)
	checkHas(t, hosts[1], addr, false)
	must(t, hosts[0].RemoveAddress(addr))
	checkHas(t, hosts[0], addr, false)
	if err := hosts[0].RemoveAddress(addr); err == nil {
		t.Error("an address that is not there was removed")
	}
}

func checkHas(t *testing.T, h *Host, addr netip.Addr, want bool) {
	t.Helper()
	got, err := h.Has(addr)
	must(t, err)
	if got != want {
		t.Errorf("%s has %s: %v, want %v", h.Name, addr, got, want)
	}
}

func TestAnsweringFindsEveryOwner(t *testing.T) {
	for _, addr := range []string{vip4, vip6} {
		t.Run(addr, func(t *testing.T) {
			_, hosts := newLab(t, 3)
			checkAnswering(t, hosts[2], addr)
			give(t, hosts[1], addr)
			checkAnswering(t, hosts[2], addr, "h2")
			give(t, hosts[0], addr)
			checkAnswering(t, hosts[2], addr, "h1", "h2")
		})
	}
}

func checkAnswering(t *testing.T, asker *Host, addr string, want ...string) {
	t.Helper()
	got, err := asker.Answering(netip.MustParseAddr(addr), 100*time.Millisecond)
	must(t, err)
	seen := map[string]bool{}
	for _, name := range names(got) {
		seen[name] = true
	}
	wanted := map[string]bool{}
	for _, name := range want {
		wanted[name] = true
	}
	if diff := cmp.Diff(wanted, seen); diff != "" {
		t.Errorf("hosts that answer for %s (-want +got):\n%s", addr, diff)
	}
}

func TestNeighborIsTheHostThatAnswered(t *testing.T) {
	_, hosts := newLab(t, 3)
	client, owner := hosts[0], hosts[1]
	for _, vip := range []string{vip4, vip6} {
		addr := netip.MustParseAddr(vip)
		checkNeighbor(t, client, addr, nil)
		give(t, owner, vip)
		waitAnswers(t, ping(t, client, vip))
		checkNeighbor(t, client, addr, owner)
	}
}

func checkNeighbor(t *testing.T, client *Host, addr netip.Addr, want *Host) {
	t.Helper()
	got, err := client.Neighbor(addr)
	must(t, err)
	if got != want {
		t.Errorf("client takes %v for the owner of %s, want %v", got, addr, want)
	}
}

func TestHostHasItsInterfaces(t *testing.T) {
	_, hosts := newLab(t, 1)
	links, err := hosts[0].ns.nl.LinkList()
	must(t, err)
	got := []string{}
	for _, link := range links {
		got = append(got, link.Attrs().Name)
	}
	if diff := cmp.Diff([]string{"lo", "eth0"}, got); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	if links[0].Attrs().OperState == netlink.OperDown {
		t.Error("lo is down")
	}
}

// Without the namespace of a host, netlink would act on that of the machine.
func TestClosedLabIsNotTheMachine(t *testing.T) {
	l, hosts := newLab(t, 1)
	sw := hosts[0].Eth0.sw
	must(t, l.Close())
	loopback := netip.MustParseAddr("127.0.0.1") // which the machine has
	tests := map[string]func() error{
		"Has":           func() error { _, err := hosts[0].Has(loopback); return err },
		"RemoveAddress": func() error { return hosts[0].RemoveAddress(netip.MustParseAddr(vip4)) },
		"Neighbor":      func() error { _, err := hosts[0].Neighbor(loopback); return err },
		"Cut":           hosts[0].Eth0.Cut,
		"Insert":        hosts[0].Eth0.Insert,
		"Join":          func() error { _, err := hosts[0].Join(sw); return err },
		"Ping":          func() error { _, err := hosts[0].Ping(loopback); return err },
		"AddSwitch":     func() error { _, err := l.AddSwitch(); return err },
		"AddHost":       func() error { _, err := l.AddHost("late", sw); return err },
	}
	for name, try := range tests {
		if err := try(); !errors.Is(err, errClosed) {
			t.Errorf("%s in a closed lab: %v, want %v", name, err, errClosed)
		}
	}
}

func TestHostWithoutIPv6SaysWhatItNeeds(t *testing.T) {
	_, hosts := newLab(t, 1)
	eth0 := hosts[0].Eth0
	must(t, eth0.Remove())
	must(t, hosts[0].Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	}))
	err := eth0.Insert()
	if missing, ok := errors.AsType[*MissingError](err); !ok || missing.What != "an IPv6 address" {
		t.Errorf("Insert = %v, want it to name what is missing", err)
	}
}

func TestClosedLabHoldsNoDescriptor(t *testing.T) {
	before := sockets(t)
	l, hosts := newLab(t, 2)
	p := ping(t, hosts[0], hosts[1].Eth0.IPv6.Addr().String())
	waitAnswers(t, p)
	for _, addr := range []string{vip4, vip6} {
		checkAnswering(t, hosts[1], addr)
	}
	must(t, l.Close())
	eventually(t, "the sockets are closed", func() bool { return sockets(t) == before })
}

// sockets counts the sockets of this process.
func sockets(t *testing.T) (n int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, path := range paths {
		if name, err := os.Readlink(path); err == nil && strings.HasPrefix(name, "socket:") {
			n++
		}
	}
	return n
}

func TestLabIsFull(t *testing.T) {
	NeedRoot(t)
	l := &Lab{hosts: make([]*Host, maxHosts)}
	if _, err := l.AddHost("one more", nil); err == nil || err.Error() != "add host one more: a lab has room for 99 hosts" {
		t.Errorf("host %d was added: %v", maxHosts+1, err)
	}
}
