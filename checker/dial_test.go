package checker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// How packets leave is seen from where the server sees them come from: eth0 has the
// addresses 198.18.0.2 and 2001:db8:0::2, eth1 198.18.1.2 and 2001:db8:1::2.
func TestNetwork(t *testing.T) {
	l := newServerLab(t)
	l.markLeadsTo("default via 198.18.1.1", "default via 2001:db8:1::1")
	source := func(addr string) Network { return Network{Source: netip.MustParseAddr(addr)} }
	tests := []struct {
		name    string
		network Network
		want4   string // what the server says, or the reason
		want6   string
	}{
		{"nothing said", Network{}, "198.18.0.2:", "[2001:db8::2]:"},
		{"interface", Network{Interface: "eth1"}, "198.18.1.2:", "[2001:db8:1::2]:"},
		{"mark", Network{Mark: 7}, "198.18.1.2:", "[2001:db8:1::2]:"},
		{"a mark that means nothing", Network{Mark: 8}, "198.18.0.2:", "[2001:db8::2]:"},
		{"no such interface", Network{Interface: "eth9"}, "interface eth9 does not exist", "interface eth9 does not exist"},
		{"IPv4 source", source("198.18.1.2"), "198.18.1.2:", "source 198.18.1.2 and target 2001:db8:9::9 are not of one family"},
		{"IPv6 source", source("2001:db8:1::2"), "source 2001:db8:1::2 and target 198.18.9.9 are not of one family", "[2001:db8:1::2]:"},
		{"source of another machine", source("198.18.7.7"), "the source is not an address of this machine", ""},
		{"IPv6 source of another machine", source("2001:db8:7::7"), "", "the source is not an address of this machine"},
	}
	for _, target := range []struct {
		host string
		want func(i int) string
	}{
		{labServer4, func(i int) string { return tests[i].want4 }},
		{labServer6, func(i int) string { return tests[i].want6 }},
	} {
		overTCP, overUDP := l.tellSource(target.host)
		for i, test := range tests {
			if want := target.want(i); want != "" {
				seen := Pattern{Contains: want}
				what := target.host + ", " + test.name
				l.seesSource(what+", tcp", want, Spec{Kind: "tcp", Target: overTCP, Network: test.network, TCP: TCP{Expect: seen}})
				l.seesSource(what+", udp", want, Spec{Kind: "udp", Target: overUDP, Network: test.network, UDP: UDP{Expect: seen}})
			}
		}
	}
}

// seesSource makes a look that is well if the server sees the wanted source; else the
// reason, or that of the spec, must be as wanted.
func (l *lab) seesSource(what, want string, spec Spec) {
	l.t.Helper()
	check, err := testHost().New(spec)
	got := ""
	if err != nil {
		got = err.Error()
	} else {
		got = reasonOf(l.t, check, enough)
	}
	if isSource := strings.HasSuffix(want, ":"); isSource && got != "" || !isSource && got != want {
		l.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// What routers and firewalls say is a failure at once, not after the timeout, also where
// no answer has to come.
func TestUnreachable(t *testing.T) {
	l := newServerLab(t)
	l.ip("route add unreachable 198.18.3.1", "route add prohibit 198.18.4.1",
		"-6 route add unreachable 2001:db8:3::1", "-6 route add prohibit 2001:db8:4::1")
	l.in(l.thereFD, func() {
		l.ip("route add unreachable 198.18.5.1", "-6 route add unreachable 2001:db8:5::1")
		l.forwards()
	})
	tests := []struct{ host, want string }{
		{"198.18.3.1", "no route to host"},
		{"198.18.4.1", "permission denied"},
		{"198.18.5.1", "no route to host"},
		{labServer4, "connection refused"},
		{"2001:db8:3::1", "no route to host"},
		{"2001:db8:4::1", "permission denied"},
		{"2001:db8:5::1", "network is unreachable"},
		{labServer6, "connection refused"},
	}
	for _, test := range tests {
		target := net.JoinHostPort(test.host, "9")
		for _, spec := range []Spec{
			{Kind: "tcp", Target: target},
			{Kind: "udp", Target: target},
			{Kind: "dns", Target: target},
			{Kind: "smtp", Target: target},
			{Kind: "grpc", Target: target},
		} {
			if got := lookOnce(t, spec, enough); got != test.want {
				t.Errorf("%s %s: %q, want %q", spec.Kind, test.host, got, test.want)
			}
		}
	}
}

func TestNoSuchHost(t *testing.T) {
	for _, kind := range []string{"tcp", "udp", "smtp", "dns", "grpc"} {
		got := lookOnce(t, Spec{Kind: kind, Target: "nobody.invalid:53"}, 3*time.Second)
		if !strings.HasPrefix(got, "cannot resolve nobody.invalid: ") {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

func TestExplain(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		err  error
		want string
	}{
		{dial(&net.DNSError{Name: "db1", Err: "no such host", IsNotFound: true}), "cannot resolve db1: no such host"},
		{dial(&net.DNSError{Name: "db1", Err: "i/o timeout", IsTimeout: true}), "cannot resolve db1: no answer within 500ms"},
		{dial(&net.DNSError{Name: "db1", Err: "server misbehaving"}), "cannot resolve db1: server misbehaving"},
		{dial(&net.AddrError{Err: "no suitable address found", Addr: "192.0.2.1:0"}), "the target has no address of the family of source 192.0.2.1"},
		{context.DeadlineExceeded, "no answer within 500ms"},
		{dial(syscall.ETIMEDOUT), "no answer within 500ms"},
		{fmt.Errorf("read: %w", net.ErrClosed), "no answer within 500ms"},
		{context.Canceled, "canceled"},
		{dial(syscall.ECONNREFUSED), "connection refused"},
		{dial(syscall.EHOSTUNREACH), "no route to host"},
		{dial(syscall.ENETUNREACH), "network is unreachable"},
		{dial(syscall.ECONNRESET), "connection reset by the other side"},
		{dial(syscall.EPIPE), "connection closed by the other side"},
		{dial(syscall.EPERM), "permission denied"},
		{dial(syscall.EACCES), "permission denied"},
		{dial(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)), "the source is not an address of this machine"},
		{dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), "no local address or port to connect from"},
		{dial(syscall.EMFILE), "too many open files"},
		{io.EOF, "connection closed by the other side"},
		{errors.New("what\x1b[2J?\n" + strings.Repeat("é", 200)), `what\x1b[2J?\n` + strings.Repeat("é", 91) + "..."},
		{fmt.Errorf("wrapped: %w", &reason{text: "as it is"}), "as it is"},
	}
	for _, test := range tests {
		err := explainWithin(test.err, 500*time.Millisecond)
		if err.Error() != test.want {
			t.Errorf("%v: %q, want %q", test.err, err, test.want)
		}
		if again := explain(err); again.Error() != err.Error() {
			t.Errorf("%v: explained again %q", err, again)
		}
		checkReason(t, err.Error())
	}
	if err := explain(nil); err != nil {
		t.Errorf("nil: %v", err)
	}
	if got := explain(context.DeadlineExceeded).Error(); got != "no answer in time" {
		t.Error(got)
	}
}

func TestQuote(t *testing.T) {
	for from, want := range map[string]string{
		"":                         `""`,
		`a "b" \c`:                 `"a \"b\" \c"`,
		strings.Repeat("x", 64):    `"` + strings.Repeat("x", 64) + `"`,
		strings.Repeat("x", 65):    `"` + strings.Repeat("x", 64) + `"...`,
		strings.Repeat("\x00", 17): `"` + strings.Repeat(`\x00`, 16) + `"...`,
		strings.Repeat("\x00", 9):  `"` + strings.Repeat(`\x00`, 9) + `"`,
	} {
		if got := quote(from); got != want {
			t.Errorf("%q: %s, want %s", from, got, want)
		}
	}
}

func FuzzBrief(f *testing.F) {
	f.Add("connection refused")
	f.Add(strings.Repeat("a", briefLimit-1) + "\x00")
	f.Add(strings.Repeat("\u202e\xff", briefLimit))
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return
		}
		once := brief(text)
		checkReason(t, once)
		if again := brief(once); again != once {
			t.Errorf("%q becomes %q", once, again)
		}
		checkReason(t, because("answer %s, wanted %s", quote(text), quote(text)).Error())
	})
}

// A source takes no local port before it is known where to: the kernel would have no more
// than some 28,000 for all targets.
func TestSourceSharesPorts(t *testing.T) {
	for addr, family := range map[string]int{"127.0.0.1": unix.AF_INET, "::1": unix.AF_INET6} {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := (Network{Source: netip.MustParseAddr(addr)}).apply(fd); err != nil {
			t.Fatal(err)
		}
		if on, err := unix.GetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT); err != nil || on != 1 {
			t.Errorf("%s: IP_BIND_ADDRESS_NO_PORT is %d, %v", addr, on, err)
		}
	}
}
