package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perch-vip/perch/cluster"
	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/notify"
	"github.com/perch-vip/perch/ipvs"
)

// directors are the daemons of a cluster, as far as orders need them, each with the
// service of director.
func directors(t *testing.T, size int) []*daemon {
	t.Helper()
	var peers []cluster.Peer
	for i := range size {
		free, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		if err != nil {
			t.Fatal(err)
		}
		free.Close()
		peers = append(peers, cluster.Peer{Name: fmt.Sprint("lb", i+1), Address: netip.MustParseAddrPort(free.Addr().String()), Priority: 100})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	t.Cleanup(func() { cancel(); parts.Wait() })
	var all []*daemon
	for _, p := range peers {
		d := director(t)
		cfg := *d.config()
		cfg.Node.Name, cfg.Cluster = p.Name, &config.Cluster{Name: "edge"}
		d.current.Store(&loaded{config: &cfg})
		credentials, err := cluster.CredentialsFromSecret(nil, "edge", p.Name)
		if err != nil {
			t.Fatal(err)
		}
		node, err := cluster.Open(cluster.Config{
			Name: "edge", Node: p.Name, Peers: peers, Heartbeat: 300 * time.Millisecond, Dir: filepath.Join(t.TempDir(), "raft"),
			Credentials: credentials, Release: func() error { return nil }, Log: d.log,
		})
		if err != nil {
			t.Fatal(err)
		}
		d.book, d.member = nil, &member{node: node, peers: api.NewPeerClient(node.DialPeer)}
		parts.Go(func() { _ = node.Run(ctx) })
		parts.Go(func() { _ = api.Serve(ctx, node.PeerListener(), api.PeerHandler(peerSide{d}), d.log) })
		all = append(all, d)
	}
	return all
}

// reportsAsTheLeader waits until a node says of a server what the leader does, through whom
// connections go.
func reportsAsTheLeader(t *testing.T, d *daemon) {
	t.Helper()
	name := api.ServerName{Service: "198.18.0.100:80", Server: "10.0.0.11"}
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		report, err := controlSide{d}.ReportServer(t.Context(), name)
		leader := d.member.node.View().Leader
		switch {
		case err == nil && report.Node == leader && report.Found.Address == "10.0.0.11:80":
			return
		case time.Now().After(end):
			t.Fatalf("on %s, where %s leads: %+v, %v", d.name(), leader, report, err)
		}
	}
}

// An order that is given on any node stands on all.
func TestOrdersInACluster(t *testing.T) {
	all := directors(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	for _, d := range all {
		d.balancer, d.member.holder = newTestBalancer(t, d.config()), &holder{}
		d.balancer.kernel = &fakeIPVS{status: ipvs.Status{Ready: true}}
		d.balancer.step()
		d.notifier, d.converger = notify.New(d.log), notify.NewConverger(d.log)
		following.Go(func() { _ = d.follow(ctx) })
	}
	want := state.Orders{"web": {"10.0.0.11:80": {}}}
	for i, d := range all {
		heavy := orderTo(api.OrderWeight, "198.18.0.100:80", "10.0.0.11")
		heavy.Weight = new(uint32(i))
		name, err := controlSide{d}.OrderServer(t.Context(), heavy)
		if err != nil || name.Service != "web" || name.Server != "10.0.0.11:80" {
			t.Fatalf("on %s: %+v, %v", d.name(), name, err)
		}
		want["web"]["10.0.0.11:80"] = state.Order{Weight: heavy.Weight}
		for _, other := range all {
			for end := time.Now().Add(time.Minute); !cmp.Equal(want, other.orders()); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("given on %s: on %s %v stands", d.name(), other.name(), other.orders())
				}
			}
			select {
			case <-other.balancer.poke:
			case <-time.After(10 * time.Second):
				t.Fatalf("given on %s: the balancer of %s is not told", d.name(), other.name())
			}
		}
		bad := heavy
		bad.Service = "wbe"
		if _, err := (controlSide{d}).OrderServer(t.Context(), bad); !errors.Is(err, api.ErrInvalid) {
			t.Errorf("on %s, for a service that is not there: %v", d.name(), err)
		}
	}
	for _, d := range all {
		reportsAsTheLeader(t, d)
	}
	// The config of the leader may be older than that of the node that is asked.
	for _, d := range all {
		view := d.member.node.View()
		if view.Role != cluster.Leader {
			continue
		}
		cfg := *d.config()
		cfg.Services = nil
		d.current.Store(&loaded{config: &cfg})
	}
	for _, d := range all {
		if d.member.node.View().Role == cluster.Leader {
			continue
		}
		if _, err := (controlSide{d}).OrderServer(t.Context(), orderTo(api.OrderDrain, "web", "10.0.0.11:80")); err != nil {
			t.Errorf("on %s, of which the config is newer than the leader's: %v", d.name(), err)
		}
	}
}
