package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// director is a daemon without a cluster that has one service.
func director(t *testing.T) *daemon {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d := &daemon{log: log, book: openOrderBook(t.TempDir(), log)}
	d.current.Store(&loaded{config: &config.Config{
		Node: config.Node{Name: "lb1"},
		Services: []config.Service{{
			Name: "web", Addresses: []netip.AddrPort{netip.MustParseAddrPort("198.18.0.100:80")},
			Servers: []config.RealServer{{Address: netip.MustParseAddrPort("10.0.0.11:80")}},
		}},
	}})
	return d
}

func orderTo(order, service, server string) api.ServerOrder {
	return api.ServerOrder{ServerName: api.ServerName{Service: service, Server: server}, Order: order}
}

func TestOrdersWithoutACluster(t *testing.T) {
	d := director(t)
	var log strings.Builder
	d.log = slog.New(slog.NewTextHandler(&log, nil))
	control := controlSide{d}
	heavy := orderTo(api.OrderWeight, "web", "10.0.0.11:80")
	heavy.Weight = new(uint32(9))
	for _, o := range []api.ServerOrder{orderTo(api.OrderDrain, "198.18.0.100:80", "10.0.0.11"), heavy} {
		name, err := control.OrderServer(t.Context(), o)
		if err != nil || name != heavy.ServerName {
			t.Errorf("%+v: %+v, %v", o, name, err)
		}
	}
	want := state.Orders{"web": {"10.0.0.11:80": {Drain: true, Weight: new(uint32(9))}}}
	if diff := cmp.Diff(want, d.orders()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, said := range []string{"order=drain service=web server=10.0.0.11:80\n", "order=weight service=web server=10.0.0.11:80 weight=9\n"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("the log lacks %q:\n%s", said, log.String())
		}
	}
	for _, o := range []api.ServerOrder{orderTo(api.OrderDrain, "wbe", "10.0.0.11:80"), orderTo(api.OrderUndrain, "web", "10.0.0.12:80")} {
		_, err := control.OrderServer(t.Context(), o)
		if !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What the config has lost can still be taken back.
func TestOrdersForServersThatTheConfigHasLost(t *testing.T) {
	d := director(t)
	if _, err := (controlSide{d}).OrderServer(t.Context(), orderTo(api.OrderDrain, "web", "10.0.0.11:80")); err != nil {
		t.Fatal(err)
	}
	d.current.Store(&loaded{config: &config.Config{}})
	if _, err := (controlSide{d}).OrderServer(t.Context(), orderTo(api.OrderUndrain, "web", "10.0.0.12:80")); !errors.Is(err, api.ErrInvalid) {
		t.Errorf("one that never had an order: %v", err)
	}
	if _, err := (controlSide{d}).OrderServer(t.Context(), orderTo(api.OrderUndrain, "web", "10.0.0.11:80")); err != nil || len(d.orders()) > 0 {
		t.Errorf("%v, and %v stands", err, d.orders())
	}
}

func TestServerReport(t *testing.T) {
	found := api.Server{Address: "10.0.0.11:80", Drained: true, Connections: api.Connections{Active: 3}}
	s := snapshot{
		config:   &config.Config{Node: config.Node{Name: "lb1"}},
		services: []api.Service{{Name: "dns", Servers: []api.Server{{Address: "10.0.0.11:80"}}}, {Name: "web", Protocol: "tcp", Servers: []api.Server{{}, found}}},
	}
	name := api.ServerName{Service: "web", Server: "10.0.0.11:80"}
	got, err := serverReport("lb1", s.services, name)
	if diff := cmp.Diff(api.ServerReport{ServerName: name, Node: "lb1", Protocol: "tcp", Found: found}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got := s.status(nil).Services; len(got) != 2 {
		t.Errorf("the status has %v", got)
	}
	_, err = serverReport("lb1", s.services, api.ServerName{Service: "web", Server: "10.0.0.12:80"})
	if !errors.Is(err, api.ErrInvalid) || err.Error() != "lb1 has no server 10.0.0.12:80 of service web" {
		t.Errorf("another one: %v", err)
	}
}

func TestForgottenOrders(t *testing.T) {
	services := director(t).config().Services
	s := snapshot{config: &config.Config{Services: services}, orders: state.Orders{"web": {"10.0.0.11:80": {Drain: true}}}}
	if got := s.status(nil).Warnings; len(got) > 0 {
		t.Errorf("warned of %q", got)
	}
	s.orders = state.Orders{"web": {"10.0.0.11:80": {Drain: true}, "10.0.0.9:80": {Drain: true}}, "dns": {"10.0.0.11:80": {Weight: new(uint32(3))}}}
	want := "orders stand for servers that are not in the config: 2, such as dns 10.0.0.11:80; until perch server undrain and weight default they count again once it is"
	if got := s.status(nil).Warnings; len(got) != 1 || got[0] != want {
		t.Errorf("warned of %q, want %q", got, want)
	}
}

// answering is a peer that gives one answer to all.
func answering(t *testing.T, code int, body string) *api.PeerClient {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	})}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return api.NewPeerClient(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	})
}

func TestOrderThroughALeader(t *testing.T) {
	dead := api.NewPeerClient(func(context.Context, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED })
	ask := func(peers *api.PeerClient) error {
		return orderThrough(t.Context(), peers, "lb2", orderTo(api.OrderDrain, "web", "10.0.0.11:80"))
	}
	if err := ask(dead); !errors.Is(err, api.ErrMoving) {
		t.Errorf("a dead leader: %v", err)
	}
	if err := ask(answering(t, http.StatusOK, `{"service":"web","server":"10.0.0.11:80"}`)); err != nil {
		t.Errorf("a leader: %v", err)
	}
	if err := ask(answering(t, http.StatusConflict, `{"errors":["moving"]}`)); !errors.Is(err, api.ErrMoving) {
		t.Errorf("one that leads no more: %v", err)
	}
	err := ask(answering(t, http.StatusNotFound, `{"errors":["\"/v1/server/order\": no such resource"]}`))
	if !errors.Is(err, api.ErrInvalid) || errors.Is(err, api.ErrMoving) || !strings.HasPrefix(err.Error(), "lb2 leads, and its version of perch knows of no orders") {
		t.Errorf("one of an older version: %v", err)
	}
	if got := refusal(state.ErrTooManyOrders); !errors.Is(got, api.ErrInvalid) {
		t.Errorf("too many: %v", got)
	}
}
