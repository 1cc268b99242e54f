package checker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// What is said of the network takes effect for each kind that asks over UDP or TCP, by
// where the server sees it come from. TestNetwork has what is more to say of it.
func TestNetworkOfEachKind(t *testing.T) {
	l := newServerLab(t)
	l.markLeadsTo("default via 198.18.1.1", "default via 2001:db8:1::1")
	source := func(addr string) Network { return Network{Source: netip.MustParseAddr(addr)} }
	for _, family := range []struct {
		server, usual, other string
	}{
		{labServer4, "198.18.0.2", "198.18.1.2"},
		{labServer6, "2001:db8::2", "2001:db8:1::2"},
	} {
		server := l.hearSources(family.server)
		for kind, spec := range map[string]Spec{
			"http":         {Kind: "http", Target: "http://" + server.overTCP + "/"},
			"http, moved":  {Kind: "http", Target: "http://192.0.2.1/", HTTP: HTTP{Connect: server.overTCP}},
			"tls":          {Kind: "tls", Target: server.overTCP},
			"dns":          {Kind: "dns", Target: server.overUDP},
			"dns over TCP": {Kind: "dns", Target: server.overTCP, DNS: DNS{TCP: true}},
			"dns over TLS": {Kind: "dns", Target: server.overTCP, TLS: TLS{Enabled: true}},
			"smtp":         {Kind: "smtp", Target: server.overTCP},
			"grpc":         {Kind: "grpc", Target: server.overTCP},
		} {
			for what, c := range map[string]struct {
				network Network
				want    string
			}{
				"nothing said": {Network{}, family.usual},
				"source":       {source(family.other), family.other},
				"interface":    {Network{Interface: "eth1"}, family.other},
				"mark":         {Network{Mark: 7}, family.other},
			} {
				spec.Network = c.network
				if got := server.sourceOf(t, spec); got != c.want {
					t.Errorf("%s to %s, %s: comes from %s, want %s", kind, family.server, what, got, c.want)
				}
			}
		}
	}
}

// A gateway is where packets with the mark would look for it.
func TestGatewayMark(t *testing.T) {
	l := newServerLab(t)
	l.markLeadsTo("198.18.5.1 dev eth1", "2001:db8:5::1 dev eth1")
	l.in(l.thereFD, func() { l.ip("addr add 198.18.5.1/32 dev peer1", "addr add 2001:db8:5::1/128 dev peer1 nodad") })
	for target, usual := range map[string]string{"198.18.5.1": "198.18.0.1", "2001:db8:5::1": "2001:db8::1"} {
		spec := Spec{Kind: "gateway", Target: target}
		if got, want := lookOnce(t, spec, enough), target+" is no neighbor: the way to it is by "+usual; got != want {
			t.Errorf("without mark: %q, want %q", got, want)
		}
		spec.Network.Mark = 7
		// The kernel listens for new IPv6 addresses a moment later.
		until(t, target+" answers with mark", func() bool { return lookOnce(t, spec, soon) == "" })
	}
}

// markLeadsTo has packets with mark 7 take a route of their own of each family.
func (l *lab) markLeadsTo(route4, route6 string) {
	l.t.Helper()
	l.ip(
		"rule add fwmark 7 lookup 107", "route add "+route4+" table 107",
		"-6 rule add fwmark 7 lookup 107", "-6 route add "+route6+" table 107",
	)
}

// sourceServer learns where each look comes from.
type sourceServer struct {
	overTCP, overUDP string
	sources          chan string // has room for those of a look
}

// hearSources serves at host by closing each connection, and by refusing what is asked over
// UDP as a name server does.
func (l *lab) hearSources(host string) sourceServer {
	l.t.Helper()
	s := sourceServer{sources: make(chan string, 16)}
	hear := s.hear
	l.in(l.thereFD, func() {
		s.overTCP = rawServer(l.t, host, func(conn net.Conn) { hear(conn.RemoteAddr()) })
		packets, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		l.must(err)
		s.overUDP = packets.LocalAddr().String()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			query := make([]byte, 512)
			for {
				n, from, err := packets.ReadFrom(query)
				if err != nil {
					return
				}
				hear(from)
				query[2], query[3] = query[2]|0x80, 5 // REFUSED
				packets.WriteTo(query[:n], from)
			}
		}()
		l.t.Cleanup(func() { packets.Close(); <-ended })
	})
	return s
}

func (s sourceServer) hear(from net.Addr) {
	select {
	case s.sources <- from.String():
	default:
	}
}

// sourceOf looks, which fails, and returns the address that the look came from, or why it
// did not come.
func (s sourceServer) sourceOf(t *testing.T, spec Spec) string {
	t.Helper()
	for len(s.sources) > 0 {
		<-s.sources
	}
	check, err := NewHost(quiet()).New(spec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	_, err = check.Check(ctx)
	select {
	case from := <-s.sources:
		host, _, _ := net.SplitHostPort(from)
		return strings.Trim(host, "[]")
	default:
		return fmt.Sprintf("nowhere: %v", err)
	}
}
