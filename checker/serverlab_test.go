package checker

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// Addresses of the server of a lab, to which eth0 is the way unless something else is said.
const (
	labServer4 = "198.18.9.9"
	labServer6 = "2001:db8:9::9"
)

// newServerLab returns a lab whose other side is a server that has addresses of its own,
// and a second way to it: eth1, with 198.18.1.2/24 and 2001:db8:1::2/64, and peer1.
func newServerLab(t testing.TB) *lab {
	t.Helper()
	l := newLab(t)
	l.veth("eth1", "peer1")
	l.addr(l.there, "lo", labServer4+"/32", labServer6+"/128")
	l.addr(l.there, "peer1", "198.18.1.1/24", "2001:db8:1::1/64")
	l.addr(l.here, "eth1", "198.18.1.2/24", "2001:db8:1::2/64")
	l.up(l.there, "peer1")
	l.up(l.here, "eth1")
	for i, router6 := range []string{"2001:db8::1", "2001:db8:1::1"} {
		l.ip(
			fmt.Sprintf("route add default via 198.18.%d.1 metric %d", i, i+1),
			fmt.Sprintf("-6 route add default via %s metric %d", router6, i+1),
		)
	}
	return l
}

// ip runs commands of iproute2 in the namespace that the thread is in.
func (l *lab) ip(commands ...string) {
	l.t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			l.t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
}

// tellSource serves at host over TCP and UDP, each at a port that it returns, by telling
// each client the address that it comes from.
func (l *lab) tellSource(host string) (overTCP, overUDP string) {
	l.t.Helper()
	l.in(l.thereFD, func() {
		overTCP = rawServer(l.t, host, func(conn net.Conn) { tells(conn.RemoteAddr().String())(conn) })
		packets, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		l.must(err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				_, from, err := packets.ReadFrom(make([]byte, 512))
				if err != nil {
					return
				}
				packets.WriteTo([]byte(from.String()), from)
			}
		}()
		l.t.Cleanup(func() { packets.Close(); <-ended })
		overUDP = packets.LocalAddr().String()
	})
	return overTCP, overUDP
}
