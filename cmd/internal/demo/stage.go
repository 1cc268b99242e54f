package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/cmd/internal/lab"
)

// stage is the network of the demo and the cluster in it.
type stage struct {
	lab     *lab.Lab
	cluster *lab.Cluster
	client  *lab.Host
	asker   *lab.Host // asks who has the VIPs, so that the client's cache stays as it is
	vips    []netip.Addr
	pings   []*lab.Pinger // of vips, in their order
}

func newStage(dir string, o Options) (_ *stage, err error) {
	l, err := lab.New()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	s := &stage{lab: l}
	nodes, err := s.addHosts()
	if err != nil {
		return nil, err
	}
	vips := []lab.VIP{
		{Address: netip.MustParsePrefix("198.18.0.100/24"), Interface: "eth0"},
		{Address: netip.MustParsePrefix("2001:db8::100/64"), Interface: "eth0"},
	}
	s.cluster, err = lab.NewCluster(lab.ClusterSpec{
		Binary:    o.Binary,
		Dir:       dir,
		Name:      "demo",
		Secret:    rand.Text() + rand.Text(),
		Failover:  o.Failover,
		Heartbeat: o.Heartbeat,
		VIPs:      vips,
	}, nodes...)
	if err != nil {
		return nil, err
	}
	if _, _, err := config.Load(s.cluster.Nodes[0].ConfigFile()); err != nil {
		return nil, err
	}
	return s, s.startPings(vips)
}

func (s *stage) addHosts() (nodes []*lab.Host, err error) {
	sw, err := s.lab.AddSwitch()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"lb1", "lb2", "lb3", "client", "asker"} {
		if _, err := s.lab.AddHost(name, sw); err != nil {
			return nil, err
		}
	}
	hosts := s.lab.Hosts()
	s.client, s.asker = hosts[3], hosts[4]
	return hosts[:3], nil
}

func (s *stage) startPings(vips []lab.VIP) error {
	for _, vip := range vips {
		ping, err := s.client.Ping(vip.Address.Addr())
		if err != nil {
			return err
		}
		s.vips = append(s.vips, vip.Address.Addr())
		s.pings = append(s.pings, ping)
	}
	return nil
}

func (s *stage) close() error { return s.lab.Close() }

// reachedOwner waits until the client reaches every VIP on one node.
func (s *stage) reachedOwner(ctx context.Context) (owner *lab.Node, err error) {
	return owner, within(ctx, byLooking, "wait for an owner of the VIPs", func() (bool, error) {
		if err := s.allRun(); err != nil {
			return false, err
		}
		owner, err = s.reached()
		return owner != nil && s.calm(), err
	})
}

func (s *stage) allRun() error {
	for _, n := range s.cluster.Nodes {
		if !n.Running() {
			return fmt.Errorf("perch on %s ended by itself (%w)", n.Name, n.Process().Err())
		}
	}
	return nil
}

// reached returns the node that the client's neighbour cache names for all VIPs,
// or nil.
func (s *stage) reached() (*lab.Node, error) {
	var node *lab.Node
	for i, vip := range s.vips {
		host, err := s.client.Neighbor(vip)
		if err != nil || host == nil {
			return nil, err
		}
		if n := s.cluster.NodeOn(host); i == 0 {
			node = n
		} else if n != node {
			return nil, nil
		}
	}
	return node, nil
}

// calm reports whether all VIPs answered during the last 50 ms; not each ping,
// since a busy machine delays some.
func (s *stage) calm() bool {
	for _, ping := range s.pings {
		if ping.Answered(time.Now().Add(-50*time.Millisecond)) < 20 {
			return false
		}
	}
	return true
}

// allFollow waits until the owner sees every node lead or follow.
func (s *stage) allFollow(ctx context.Context, owner *lab.Node) error {
	return within(ctx, byCommand, "wait for all nodes to follow "+owner.Name, func() (bool, error) {
		status, err := owner.Status(ctx)
		if err != nil || status.Cluster == nil {
			return false, err
		}
		for _, n := range status.Cluster.Nodes {
			if n.Role != api.RoleLeader && n.Role != api.RoleFollower {
				return false, nil
			}
		}
		return true, nil
	})
}

// answering returns the nodes that answer for any of the VIPs now.
func (s *stage) answering() (map[*lab.Node]bool, error) {
	nodes := map[*lab.Node]bool{}
	for _, vip := range s.vips {
		hosts, err := s.asker.Answering(vip, 50*time.Millisecond)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			nodes[s.cluster.NodeOn(h)] = true
		}
	}
	return nodes, nil
}

// holds reports whether the node's kernel has any of the VIPs.
func (s *stage) holds(n *lab.Node) (bool, error) {
	for _, vip := range s.vips {
		has, err := n.Host.Has(vip)
		if err != nil || has {
			return has, err
		}
	}
	return false, nil
}
