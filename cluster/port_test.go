package cluster

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"
)

// perch may start before its address is on an interface.
func TestPortIsBoundBeforeItsAddressIsThere(t *testing.T) {
	for _, address := range []string{"192.0.2.1:0", "[2001:db8:0:ffff::1]:0"} {
		p := &port{address: netip.MustParseAddrPort(address)}
		if err := p.listen(); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		p.Close()
	}
}

// A node calls from its own address. From a VIP, which the kernel might choose, the
// connection would die when the VIP moves.
func TestPortDialsFromItsOwnAddress(t *testing.T) {
	g := newGroup(t, 2)
	g.startAll()
	p := newPort(Config{
		Node: "lb2", Peers: g.peers, Log: slog.New(slog.DiscardHandler),
		Credentials: credentials(t, secret, "edge", "lb2"),
	}, g.peers[1], func() []Peer { return g.peers })
	conn, err := p.dial(t.Context(), protocolAPI, "lb1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if from := conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); from != g.peers[1].Address.Addr() {
		t.Errorf("dialed from %s, want %s", from, g.peers[1].Address.Addr())
	}
}
