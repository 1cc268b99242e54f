package checker

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// soon is a time in which an answer would come, and after which none is waited for.

func gateway(target, device string) Spec {
	return Spec{Kind: "gateway", Target: target, Network: Network{Interface: device}}
}

func TestGatewayThatAnswers(t *testing.T) {
	l := newLab(t)
	for _, s := range []Spec{
		gateway("198.18.0.1", ""), gateway("198.18.0.1", "eth0"),
		gateway("2001:db8::1", ""), gateway("2001:db8::1", "eth0"),
		gateway(l.linkLocal(l.there, "peer0"), "eth0"),
		gateway(l.linkLocal(l.there, "peer0")+"%eth0", ""),
	} {
		wantReason(t, l.checker(s), enough, "")
	}
}

func TestGatewayThatIsGone(t *testing.T) {
	l := newLab(t)
	four, six := l.checker(gateway("198.18.0.1", "")), l.checker(gateway("2001:db8::1", ""))
	wantReason(t, four, enough, "")
	wantReason(t, six, enough, "")
	l.delAddr(l.there, "peer0", "198.18.0.1/24")
	l.delAddr(l.there, "peer0", "2001:db8::1/64")
	wantReason(t, four, soon, "198.18.0.1 does not answer ARP on eth0 within 100ms")
	wantReason(t, six, soon, "2001:db8::1 does not answer neighbor discovery on eth0 within 100ms")
}

// A look that is over says so while somebody listens: what comes later than that is lost.
// The quickest one counts, since this machine may be busy.
func TestGatewayIsGivenUpInTime(t *testing.T) {
	l := newLab(t)
	for _, target := range []string{"198.18.0.99", "2001:db8::99"} {
		c, late := l.checker(gateway(target, "")), enough
		for range 50 {
			ctx, cancel := withTimeout(t.Context(), 5*time.Millisecond)
			_, _ = c.Check(ctx)
			deadline, _ := ctx.Deadline()
			late = min(late, time.Since(deadline))
			cancel()
		}
		if late > lookGrace/2 {
			t.Errorf("%s: looks end %v late at best", target, late)
		}
	}
}

func TestGatewayBehindInterfaceWithoutCarrier(t *testing.T) {
	l := newLab(t)
	l.down(l.there, "peer0")
	wantReason(t, l.checker(gateway("198.18.0.1", "")), enough, "interface eth0 has no carrier")
	wantReason(t, l.checker(gateway("2001:db8::1", "eth0")), enough, "interface eth0 has no carrier")
	wantReason(t, l.checker(gateway("198.18.0.1", "eth5")), enough, "interface eth5 does not exist")
}

func TestGatewayThatIsNoNeighbor(t *testing.T) {
	l := newLab(t)
	wantReason(t, l.checker(gateway("203.0.113.1", "")), enough, "network is unreachable")
	l.route(l.here, "203.0.113.0/24", "198.18.0.1", unix.RTN_UNICAST)
	wantReason(t, l.checker(gateway("203.0.113.1", "")), enough,
		"203.0.113.1 is no neighbor: the way to it is by 198.18.0.1")
	wantReason(t, l.checker(gateway("203.0.113.1", "eth0")), soon,
		"203.0.113.1 does not answer ARP on eth0 within 100ms")
	wantReason(t, l.checker(gateway("198.18.0.2", "")), enough, "198.18.0.2 is an address of this node")
	wantReason(t, l.checker(gateway("198.18.0.255", "")), enough, "198.18.0.255 is a broadcast address")
}

func TestGatewayOfNodeWithoutAddress(t *testing.T) {
	l := newLab(t)
	l.delAddr(l.here, "eth0", "198.18.0.2/24")
	wantReason(t, l.checker(gateway("198.18.0.1", "eth0")), enough, "")
}

func TestGatewaySource(t *testing.T) {
	l := newLab(t)
	l.addr(l.here, "eth0", "198.18.0.7/24", "2001:db8::7/64")
	until(l.t, "the address is used", func() bool { return l.isAskedFor(l.hereFD, "2001:db8::7") })
	for target, source := range map[string]string{"198.18.0.1": "198.18.0.7", "2001:db8::1": "2001:db8::7"} {
		s := gateway(target, "")
		s.Network.Source = parse(source)
		wantReason(t, l.checker(s), enough, "")
		until(l.t, "the neighbor knows of the source alone", func() bool { return l.knows("peer0", source) })
	}
	if l.knows("peer0", "198.18.0.2") {
		t.Error("asked from an address that was not to be the source")
	}
	s := gateway("198.18.0.1", "")
	s.Network.Source = parse("198.18.0.9")
	wantReason(t, l.checker(s), enough, "from source 198.18.0.9: network is unreachable")
}

// knows reports whether the other namespace has a neighbor with the MAC of eth0 for an
// address.
func (l *lab) knows(device, addr string) bool {
	l.t.Helper()
	all, err := l.there.NeighList(l.link(l.there, device).Attrs().Index, netlink.FAMILY_ALL)
	l.must(err)
	mac := l.link(l.here, "eth0").Attrs().HardwareAddr.String()
	for _, n := range all {
		if n.IP.Equal(net.ParseIP(addr)) && n.HardwareAddr.String() == mac {
			return true
		}
	}
	return false
}

func TestGatewayAnsweredByProxy(t *testing.T) {
	l := newLab(t)
	l.must(l.there.NeighAdd(&netlink.Neigh{
		LinkIndex: l.link(l.there, "peer0").Attrs().Index, Flags: netlink.NTF_PROXY, IP: net.ParseIP("198.18.0.77"),
	}))
	l.in(l.thereFD, func() {
		l.sysctl("ipv4/ip_forward", "1")
		l.sysctl("ipv4/neigh/peer0/proxy_delay", "0")
	})
	l.must(l.there.RouteAdd(&netlink.Route{
		Dst: &net.IPNet{IP: net.ParseIP("198.18.0.77"), Mask: net.CIDRMask(32, 32)}, LinkIndex: 1,
	}))
	wantReason(t, l.checker(gateway("198.18.0.77", "")), enough, "")
}

func TestGatewayNeighborCacheIsNotTrusted(t *testing.T) {
	l := newLab(t)
	for _, addr := range []string{"198.18.0.66", "2001:db8::66"} {
		l.must(l.here.NeighAdd(&netlink.Neigh{
			LinkIndex: l.link(l.here, "eth0").Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: net.ParseIP(addr), HardwareAddr: l.link(l.there, "peer0").Attrs().HardwareAddr,
		}))
		if got := reasonOf(t, l.checker(gateway(addr, "")), soon); !strings.Contains(got, "does not answer") {
			t.Errorf("%s: reason %q", addr, got)
		}
	}
}

func TestGatewaysAtOnceDoNotConfuseTheirAnswers(t *testing.T) {
	l := newLab(t)
	var looks sync.WaitGroup
	for i := range 60 {
		target, want, limit := "198.18.0.1", "", enough
		if i%2 == 1 {
			limit = 500 * time.Millisecond
			target = fmt.Sprintf("198.18.0.%d", 100+i)
			want = target + " does not answer ARP on eth0 within 500ms"
		}
		c := l.checker(gateway(target, ""))
		looks.Go(l.inHere(func() { wantReason(t, c, limit, want) }))
	}
	looks.Wait()
}

func TestGatewaysThatCannotBe(t *testing.T) {
	for _, s := range []Spec{
		gateway("", ""), gateway("router", ""), gateway("fe80::1", ""), gateway("224.0.0.1", ""),
		gateway("ff02::1", "eth0"), gateway("0.0.0.0", ""), gateway("127.0.0.1", ""),
		{Kind: "gateway", Target: "198.18.0.1", Network: Network{Source: parse("2001:db8::1")}},
	} {
		if _, err := testHost().New(s); err == nil {
			t.Errorf("%q is taken", s.Target)
		}
	}
}
