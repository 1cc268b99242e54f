package checker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func pinging(target string) Spec { return Spec{Kind: "icmp", Target: target} }

// eachSocket runs a test with datagram sockets, and with raw ones.
func eachSocket(t *testing.T, test func(*testing.T, *lab)) {
	for name, groups := range map[string]string{"datagram": "0 2147483647", "raw": "1 0"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.sysctl("ipv4/ping_group_range", groups)
			p := ping{echo: newEcho(parse("198.18.0.1"))}
			l.must(p.open())
			p.Close()
			if p.raw != (name == "raw") {
				t.Fatalf("raw: %v", p.raw)
			}
			test(t, l)
		})
	}
}

func TestICMPAnswer(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		local := l.linkLocal(l.there, "peer0")
		onDevice := pinging(local)
		onDevice.Network.Interface = "eth0"
		for _, s := range []Spec{
			pinging("198.18.0.1"), pinging("2001:db8::1"), pinging("127.0.0.1"), pinging("::1"),
			pinging("::ffff:198.18.0.1"), pinging(local + "%eth0"), onDevice,
		} {
			wantReason(t, l.checker(s), enough, "")
		}
	})
}

func TestICMPSilence(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, func() { l.sysctl("ipv4/icmp_echo_ignore_all", "1"); l.sysctl("ipv6/icmp/echo_ignore_all", "1") })
		for _, target := range []string{"198.18.0.1", "2001:db8::1"} {
			wantReason(t, l.checker(pinging(target)), soon, "no answer within 100ms")
		}
	})
}

func TestICMPErrors(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, l.forwards)
		for i, c := range []struct {
			kind      int
			four, six string
		}{
			{unix.RTN_UNREACHABLE, "destination host unreachable", "no route to destination"},
			{unix.RTN_PROHIBIT, "administratively prohibited", "administratively prohibited"},
		} {
			four, six := fmt.Sprintf("203.0.113.%d", i), fmt.Sprintf("2001:db8:9::%d", i+1)
			l.route(l.here, four+"/32", "198.18.0.1", unix.RTN_UNICAST)
			l.route(l.here, six+"/128", "2001:db8::1", unix.RTN_UNICAST)
			l.route(l.there, four+"/32", "", c.kind)
			l.route(l.there, six+"/128", "", c.kind)
			wantReason(t, l.checker(pinging(four)), enough, c.four+", says 198.18.0.1")
			wantReason(t, l.checker(pinging(six)), enough, c.six+", says 2001:db8::1")
		}
	})
}

func TestICMPTooManyRouters(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, l.forwards)
		l.sysctl("ipv4/ip_default_ttl", "1")
		l.sysctl("ipv6/conf/eth0/hop_limit", "1")
		l.route(l.here, "203.0.113.0/24", "198.18.0.1", unix.RTN_UNICAST)
		l.route(l.there, "203.0.113.0/24", "198.18.0.2", unix.RTN_UNICAST)
		l.route(l.here, "2001:db8:9::/64", "2001:db8::1", unix.RTN_UNICAST)
		l.route(l.there, "2001:db8:9::/64", "2001:db8::2", unix.RTN_UNICAST)
		wantReason(t, l.checker(pinging("203.0.113.1")), enough, "time to live exceeded, says 198.18.0.1")
		wantReason(t, l.checker(pinging("2001:db8:9::1")), enough, "hop limit exceeded, says 2001:db8::1")
	})
}

func TestICMPNoNeighbor(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.sysctl("ipv4/neigh/eth0/retrans_time_ms", "10")
		wantReason(t, l.checker(pinging("198.18.0.77")), enough, "destination host unreachable, says this node")
		wantReason(t, l.checker(pinging("203.0.113.1")), enough, "network is unreachable")
		wantReason(t, l.checker(pinging("2001:db8:9::1")), enough, "network is unreachable")
	})
}

func TestICMPNetwork(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.addr(l.here, "eth0", "198.18.0.7/24", "2001:db8::7/64")
		l.addr(l.there, "peer0", "203.0.113.1/32", "2001:db8:9::1/128")
		l.veth("eth1", "peer1")
		l.up(l.there, "peer1")
		l.up(l.here, "eth1")
		for _, c := range []struct {
			target  string
			network Network
			want    string
		}{
			{"198.18.0.1", Network{Source: parse("198.18.0.7")}, ""},
			{"2001:db8::1", Network{Source: parse("2001:db8::7")}, ""},
			{"198.18.0.1", Network{Source: parse("198.18.0.9")}, "the source is not an address of this machine"},
			{"203.0.113.1", Network{Interface: "eth0"}, ""},
			{"203.0.113.1", Network{Interface: "eth1"}, "no answer within 100ms"},
			{"203.0.113.1", Network{}, "network is unreachable"},
			{"203.0.113.1", Network{Interface: "eth9"}, "interface eth9 does not exist"},
			{"198.18.0.1", Network{Mark: 7}, "permission denied"},
			{"198.18.0.1", Network{Mark: 8}, ""},
			{"2001:db8::1", Network{Mark: 7}, "permission denied"},
		} {
			l.prohibitMark(7)
			limit := enough
			if strings.HasPrefix(c.want, "no answer") {
				limit = soon
			}
			s := pinging(c.target)
			s.Network = c.network
			wantReason(t, l.checker(s), limit, c.want)
		}
	})
}

// prohibitMark has the kernel send nothing that has a mark.
func (l *lab) prohibitMark(mark uint32) {
	l.t.Helper()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rule := netlink.NewRule()
		rule.Family, rule.Mark, rule.Priority, rule.Type = family, mark, 1, unix.RTN_PROHIBIT
		if err := l.here.RuleAdd(rule); err != nil && err != unix.EEXIST {
			l.t.Fatal(err)
		}
	}
}

// A router tells of fewer errors than there are when there are many at once.
func TestICMPAtOnceDoNotConfuseTheirAnswers(t *testing.T) {
	const late = "no answer within 300ms"
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, l.forwards)
		l.route(l.here, "203.0.113.0/24", "198.18.0.1", unix.RTN_UNICAST)
		l.route(l.there, "203.0.113.0/24", "", unix.RTN_UNREACHABLE)
		l.addr(l.there, "peer0", "203.0.113.1/32")
		var looks sync.WaitGroup
		for i := range 90 {
			target, allowed := "203.0.113.1", []string{""}
			switch i % 3 {
			case 1:
				target, allowed = "203.0.113.2", []string{late, "destination host unreachable, says 198.18.0.1"}
			case 2:
				target, allowed = "198.18.0.77", []string{late}
			}
			c, limit := l.checker(pinging(target)), enough
			if slices.Contains(allowed, late) {
				limit = 300 * time.Millisecond
			}
			looks.Go(l.inHere(func() {
				if got := reasonOf(t, c, limit); !slices.Contains(allowed, got) {
					t.Errorf("%s: reason %q", target, got)
				}
			}))
		}
		looks.Wait()
	})
}

// Of two that ask the same host, each must tell errors about its own request from those
// about the other's, which the kernel shows to both where the sockets are raw.
func TestICMPErrorAboutTheRequestOfAnother(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, l.forwards)
		l.route(l.here, "203.0.113.0/24", "198.18.0.1", unix.RTN_UNICAST)
		l.route(l.there, "203.0.113.0/24", "", unix.RTN_UNREACHABLE)
		quiet, err := newPing(Network{}, parse("203.0.113.2"))
		l.must(err)
		defer quiet.Close()
		wantReason(t, l.checker(pinging("203.0.113.2")), enough, "destination host unreachable, says 198.18.0.1")
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if err := quiet.Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told: %v", err)
		}
	})
}

func TestICMPAnswersThatAreNone(t *testing.T) {
	eachSocket(t, func(t *testing.T, l *lab) {
		l.in(l.thereFD, func() { l.sysctl("ipv4/icmp_echo_ignore_all", "1") })
		l.addr(l.there, "peer0", "198.18.0.5/24")
		p, err := newPing(Network{}, parse("198.18.0.1"))
		l.must(err)
		defer p.Close()
		answer := p.echo
		if !p.raw {
			local, err := p.conn.Getsockname()
			l.must(err)
			answer.id = uint16(local.(*unix.SockaddrInet4).Port)
		}
		answer.request = answer.answer
		other := answer
		other.id++
		l.says("198.18.0.1", other)
		if _, _, err := unix.Recvfrom(fdOf(t, p), make([]byte, 100), unix.MSG_DONTWAIT|unix.MSG_PEEK); err != unix.EAGAIN {
			t.Errorf("the answer to another comes, too: %v", err)
		}
		l.says("198.18.0.5", answer)
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if err := p.Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("answered by another: %v", err)
		}
		l.says("198.18.0.1", answer)
		l.must(p.Await(t.Context()))
	})
}

// says sends a message from an address in the other namespace to that of eth0.
func (l *lab) says(from string, e echo) {
	l.t.Helper()
	l.in(l.thereFD, func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		l.must(err)
		defer func() { _ = unix.Close(fd) }()
		l.must(unix.Bind(fd, sockaddr(parse(from))))
		l.must(unix.Sendto(fd, e.appendTo(nil), 0, sockaddr(parse("198.18.0.2"))))
	})
}

func fdOf(t testing.TB, p *ping) (fd int) {
	t.Helper()
	conn, err := p.conn.SyscallConn()
	if err == nil {
		err = conn.Control(func(f uintptr) { fd = int(f) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestICMPTargetsThatCannotBe(t *testing.T) {
	for _, s := range []Spec{
		pinging(""), pinging("a b"), pinging("host:80"), pinging("http://host"), pinging("224.0.0.1"), pinging("::"),
		{Kind: "icmp", Target: "198.18.0.1", Network: Network{Source: parse("2001:db8::1")}},
	} {
		if _, err := testHost().New(s); err == nil {
			t.Errorf("%q is taken", s.Target)
		}
	}
}

func TestICMPNameThatIsNone(t *testing.T) {
	c := made(t, testHost(), pinging("no-such-host.invalid"))
	if got := reasonOf(t, c, enough); !strings.HasPrefix(got, "cannot resolve no-such-host.invalid: ") {
		t.Errorf("reason %q", got)
	}
	wantReason(t, made(t, testHost(), pinging("localhost")), enough, "")
}

func TestEchoAnswers(t *testing.T) {
	for _, family := range []icmp{icmp4, icmp6} {
		e := echo{icmp: family, id: 0x1234, sequence: 0x5678, data: [24]byte{1, 2, 3}}
		answer := changed(e.appendTo(nil), 0, family.answer)
		for name, c := range map[string]struct {
			packet []byte
			want   bool
		}{
			"answer":              {answer, true},
			"the request":         {e.appendTo(nil), false},
			"of another code":     {changed(answer, 1, 1), false},
			"of another sender":   {changed(answer, 4, 0), false},
			"of another request":  {changed(answer, 7, 0), false},
			"with other data":     {changed(answer, 31, 1), false},
			"cut off":             {answer[:31], false},
			"with more than sent": {append(changed(answer, 0), 0), false},
			"empty":               {nil, false},
		} {
			if got := e.answeredBy(c.packet, true); got != c.want {
				t.Errorf("%v %s: answer %v, want %v", family, name, got, c.want)
			}
			if passed := passes(t, e.filter(), withHeader(family, c.packet)); c.want && !passed {
				t.Errorf("%v %s does not pass", family, name)
			}
		}
		if !e.answeredBy(changed(answer, 4, 9, 9), false) {
			t.Errorf("%v: the identifier that the kernel chose counts", family)
		}
		for at, to := range map[int]byte{0: 3, 4: 0, 5: 0, 6: 0, 7: 0} {
			if passes(t, e.filter(), withHeader(family, changed(answer, at, to))) {
				t.Errorf("%v: passes with %d at %d", family, to, at)
			}
		}
	}
}

// withHeader is a message as a raw socket receives it, here after an IPv4 header with options.
func withHeader(family icmp, message []byte) []byte {
	if !family.header {
		return message
	}
	return append([]byte{0x46, 23: 0}, message...)
}

func TestHeaderIsTakenOff(t *testing.T) {
	if got := withoutHeader([]byte{0x45, 19: 0, 20: 7}); len(got) != 1 || got[0] != 7 {
		t.Errorf("got %v", got)
	}
	if got := withoutHeader([]byte{0x46, 19: 0}); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestChecksumOfAnEchoRequest(t *testing.T) {
	e := echo{icmp: icmp4, id: uint16(rand.Uint32()), sequence: uint16(rand.Uint32()), data: [24]byte{1, 2, 3}}
	if got := internetChecksum(e.appendTo(nil)); got != 0 {
		t.Errorf("sum %#x", got)
	}
	if got := internetChecksum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}); got != ^uint16(0xddf2) {
		t.Errorf("sum %#x is not that of RFC 1071 section 3", got)
	}
}
