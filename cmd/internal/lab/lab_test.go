package lab

import (
	"net/netip"
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

func TestHoldingAndRemoveAddress(t *testing.T) {
	l, hosts := newLab(t, 3)
	addr := netip.MustParseAddr(vip6)
	give(t, hosts[0], vip6)
	give(t, hosts[2], vip6)
	checkHolding(t, l, addr, "h1", "h3")
	must(t, hosts[0].RemoveAddress(addr))
	checkHolding(t, l, addr, "h3")
	if err := hosts[0].RemoveAddress(addr); err == nil {
		t.Error("an address that is not there was removed")
	}
}

func checkHolding(t *testing.T, l *Lab, addr netip.Addr, want ...string) {
	t.Helper()
	got, err := l.Holding(addr)
	must(t, err)
	if diff := cmp.Diff(want, names(got)); diff != "" {
		t.Errorf("hosts that hold %s (-want +got):\n%s", addr, diff)
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
	must(t, client.ForgetNeighbors())
	eventually(t, "the neighbour is asked again", func() bool {
		got, err := client.Neighbor(netip.MustParseAddr(vip4))
		return err == nil && got == owner
	})
}

func checkNeighbor(t *testing.T, client *Host, addr netip.Addr, want *Host) {
	t.Helper()
	got, err := client.Neighbor(addr)
	must(t, err)
	if got != want {
		t.Errorf("client takes %v for the owner of %s, want %v", got, addr, want)
	}
}

func TestNetlinkIsThatOfTheHost(t *testing.T) {
	_, hosts := newLab(t, 1)
	links, err := hosts[0].Netlink().LinkList()
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
