package e2e

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

const wholeRange = "198.19.0.0/20"

// ranges adds VIPs of kind prefix to those of the case.
func ranges(prefixes ...string) option {
	return func(s *lab.ClusterSpec) {
		for _, p := range prefixes {
			s.VIPs = append(s.VIPs, lab.VIP{Address: netip.MustParsePrefix(p), Interface: "eth0", Kind: "prefix"})
		}
	}
}

// sampled are some addresses of an IPv4 range, the first and the last among them.
func sampled(p netip.Prefix) []netip.Addr {
	if !p.Addr().Is4() {
		return nil
	}
	first := p.Addr().As4()
	at := func(host int) netip.Addr {
		return netip.AddrFrom4([4]byte{first[0], first[1], first[2] + byte(host>>8), first[3] + byte(host)})
	}
	size := 1 << (32 - p.Bits())
	return []netip.Addr{at(0), at(size/2 - 1), at(size - 1)}
}

// startRange starts a cluster with an address and a range, which the client takes for
// neighbours of its own.
func startRange(t *testing.T, opts ...option) *cluster {
	t.Helper()
	c := newCluster(t, newNetwork(t), append([]option{vips("eth0", "198.18.0.100/24"), ranges(wholeRange)}, opts...)...)
	c.reachesRanges(c.net.client)
	c.must(c.StartAll())
	c.settled()
	return c
}

// reachesRanges lets a host take the ranges for neighbours.
func (c *cluster) reachesRanges(h *lab.Host) {
	c.t.Helper()
	for _, vip := range c.Spec.VIPs {
		if vip.Kind != "" && vip.Address.Addr().Is4() {
			c.must(h.AddOnLink(vip.Address))
		}
	}
}

// One node answers for all of the range, wherever it moves: by ping to the first, the last
// and one between, from the old owner's silence to the new one's answer.
func TestRangeMoves(t *testing.T) {
	t.Parallel()
	c := startRange(t)
	c.neverTwoAnswers()
	old := c.owner()
	p := c.ping()
	if beyond := c.answeringOnce(netip.MustParseAddr("198.19.16.0")); len(beyond) != 0 {
		t.Errorf("the address behind the range is answered for by %s", hostNames(beyond))
	}
	next := c.handOver(old, askedFor, func() { c.perch(old, "transfer") })
	if have := c.haveRange(); !slices.Equal(have, []*lab.Node{next}) {
		t.Errorf("%d nodes have the range, want %s alone", len(have), next.Name)
	}
	p.outageAtMost(brief)
	c.handOver(next, wasStopped, func() { c.terminate(next) })
	c.must(next.Start())
	p.outageAtMost(brief)
	status := c.status(c.settled())
	if n := len(status.VIPs); n != 2 || status.VIPs[1].Address != wholeRange {
		t.Errorf("the range is not one VIP: %+v", status.VIPs)
	}
}

func (c *cluster) answeringOnce(addr netip.Addr) []*lab.Host {
	c.t.Helper()
	hosts, err := c.net.asker.Answering(addr, 200*time.Millisecond)
	c.must(err)
	return hosts
}

// haveRange returns the nodes whose kernels have the route.
func (c *cluster) haveRange() (all []*lab.Node) {
	c.t.Helper()
	for _, n := range c.Nodes {
		has, err := n.Host.HasRange(netip.MustParsePrefix(wholeRange))
		c.must(err)
		if has {
			all = append(all, n)
		}
	}
	return all
}

// An owner that is frozen or killed keeps its route, and is dark for all of the range
// before another one takes it. What the dead one has left is swept when it comes back.
func TestRangeOfAnOwnerThatCannotLetGo(t *testing.T) {
	for _, kind := range []string{"bpf", "nftables"} {
		for name, strike := range map[string]func(*cluster, *lab.Node){
			"frozen": func(c *cluster, n *lab.Node) { c.freeze(n) },
			"killed": func(c *cluster, n *lab.Node) { c.must(n.Kill()) },
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				c := startRange(t, fence(kind))
				c.neverTwoAnswers()
				c.ping()
				old := c.owner()
				s := c.stubborn(old)
				strike(c, old)
				moved := c.served(old)
				if has, err := old.Host.HasRange(netip.MustParsePrefix(wholeRange)); err != nil || !has {
					t.Errorf("the range has gone already (%v), which proves nothing for the fence", err)
				}
				time.Sleep(500 * time.Millisecond) // of silence, which nothing announces
				if n := s.answers(moved); n > 0 {
					t.Errorf("%d pings sent to the MAC of %s were answered after the move", n, old.Name)
				}
				if name == "frozen" {
					c.thaw(old)
				} else {
					c.must(old.Start())
				}
				c.eventually("the old owner's route has gone", func() bool {
					has, err := old.Host.HasRange(netip.MustParsePrefix(wholeRange))
					c.must(err)
					return !has || c.owner() == old
				})
				c.soleAnswer(c.settled())
			})
		}
	}
}

func TestRangeDeletedByHandIsBack(t *testing.T) {
	t.Parallel()
	c := startRange(t)
	owner, prefix := c.owner(), netip.MustParsePrefix(wholeRange)
	c.must(owner.Host.RemoveRange(prefix))
	c.eventually("the range is back", func() bool {
		has, err := owner.Host.HasRange(prefix)
		c.must(err)
		return has && c.status(owner).VIPs[1].Readded == 1
	})
	c.soleAnswer(owner)
}

// Sockets have all of the range on the owner.
func TestRangeServes(t *testing.T) {
	t.Parallel()
	c := startRange(t)
	owner := c.owner()
	bound := netip.MustParseAddrPort("198.19.3.7:7001")
	listeners := []func() error{
		serveTCP(t, netip.MustParseAddrPort("0.0.0.0:7000")), serveTCP(t, bound), serveUDP(t, bound),
	}
	for _, listen := range listeners {
		c.must(owner.Host.Do(listen))
	}
	targets := []string{"tcp 198.19.3.7:7001", "udp 198.19.3.7:7001"}
	for _, addr := range sampled(netip.MustParsePrefix(wholeRange)) {
		targets = append(targets, "tcp "+netip.AddrPortFrom(addr, 7000).String())
	}
	for _, target := range targets {
		network, to, _ := strings.Cut(target, " ")
		c.eventually(target+" answers", func() bool { return c.echoes(network, netip.MustParseAddrPort(to)) })
	}
}

// echoes reports whether what the client says to a socket comes back from there.
func (c *cluster) echoes(network string, to netip.AddrPort) bool {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := c.net.client.Dial(ctx, network, to)
	if err != nil {
		return false
	}
	defer conn.Close()
	c.must(conn.SetDeadline(time.Now().Add(time.Second)))
	if _, err := fmt.Fprint(conn, "hello"); err != nil {
		return false
	}
	answer := make([]byte, 5)
	n, err := conn.Read(answer)
	return err == nil && string(answer[:n]) == "hello"
}

// serveTCP returns what opens a socket that says back what it is told.
func serveTCP(t *testing.T, at netip.AddrPort) func() error {
	return func() error {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				b := make([]byte, 5)
				n, _ := conn.Read(b)
				_, _ = conn.Write(b[:n])
				conn.Close()
			}
		}()
		return nil
	}
}

func serveUDP(t *testing.T, at netip.AddrPort) func() error {
	return func() error {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		t.Cleanup(func() { conn.Close() })
		go func() {
			b := make([]byte, 5)
			for {
				n, from, err := conn.ReadFromUDPAddrPort(b)
				if err != nil {
					return
				}
				_, _ = conn.WriteToUDPAddrPort(b[:n], from)
			}
		}()
		return nil
	}
}

// A reload brings a range and takes it away. One with an address of the host is refused,
// and the address stays reachable, also while the fence is shut.
func TestRangeReloaded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t), vips("eth0", "198.18.0.100/24"))
	prefix := netip.MustParsePrefix(wholeRange)
	c.must(c.net.client.AddOnLink(prefix))
	c.must(c.StartAll())
	owner := c.settled()
	all := append(slices.Clone(c.Spec.VIPs), lab.VIP{Address: prefix, Interface: "eth0", Kind: "prefix"})
	standby := c.others(owner)[0]
	own := netip.MustParsePrefix("198.19.3.7/24")
	c.must(standby.Host.AddAddress(own))
	c.must(standby.WriteConfig(all...))
	if err := c.refused(standby, "reload"); !strings.Contains(err.Error(), "198.19.3.7 is an address of this host") {
		t.Errorf("refused with: %v", err)
	}
	if hosts := c.answering(own.Addr()); len(hosts) != 1 || hosts[0] != standby.Host {
		t.Errorf("the address of %s is answered for by %s", standby.Name, hostNames(hosts))
	}
	c.must(standby.Host.RemoveAddress(own.Addr()))
	for _, n := range c.Nodes {
		c.must(n.WriteConfig(all...))
		c.perch(n, "reload")
	}
	c.eventually("the owner alone has the range", func() bool { return slices.Equal(c.haveRange(), []*lab.Node{c.owner()}) })
	for _, n := range c.Nodes {
		c.must(n.WriteConfig(c.Spec.VIPs...))
		c.perch(n, "reload")
	}
	c.eventually("nobody has it", func() bool { return len(c.haveRange()) == 0 })
}

// An IPv6 range, and a large one, is reached by a route to an address that moves with it.
func TestRangeThatIsRouted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, newNetwork(t))
	c.Spec.VIPs = append(c.Spec.VIPs,
		lab.VIP{Address: netip.MustParsePrefix("2001:db8:5::/64"), Interface: "eth0", Kind: "prefix"},
		lab.VIP{Address: netip.MustParsePrefix("198.20.0.0/16"), Interface: "eth0", Kind: "prefix"})
	for _, n := range c.Nodes {
		c.must(n.WriteConfig(c.Spec.VIPs...))
	}
	c.Spec.VIPs = c.Spec.VIPs[:2]
	c.must(c.net.client.AddRoute(netip.MustParsePrefix("2001:db8:5::/64"), netip.MustParseAddr("2001:db8::100")))
	c.must(c.net.client.AddRoute(netip.MustParsePrefix("198.20.0.0/16"), netip.MustParseAddr("198.18.0.100")))
	c.must(c.StartAll())
	old := c.settled()
	var pingers []*lab.Pinger
	for _, addr := range []string{"2001:db8:5::77", "198.20.77.77"} {
		p, err := c.net.client.Ping(netip.MustParseAddr(addr))
		c.must(err)
		pingers = append(pingers, p)
	}
	answered := func() {
		ctx, cancel := c.limit()
		defer cancel()
		for _, p := range pingers {
			c.must(p.WaitAnswers(ctx, time.Now(), 20))
		}
	}
	c.ping()
	answered()
	c.handOver(old, askedFor, func() { c.perch(old, "transfer") })
	answered()
}
