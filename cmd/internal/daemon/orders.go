package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
)

// orders returns what operators want of real servers. It must not be changed.
func (d *daemon) orders() state.Orders {
	if d.member != nil {
		return d.member.node.Orders()
	}
	return d.book.orders()
}

// orderOf is an order as it is remembered.
func orderOf(o api.ServerOrder) state.Server {
	s := state.Server{Service: o.Service, Server: o.Server, Want: state.Want(o.Order)}
	if o.Weight != nil {
		s.Weight = *o.Weight
	}
	return s
}

// OrderServer implements api.PeerBackend. The config of the node that asks may be ahead
// of this one's, so that names are its business.
func (d peerSide) OrderServer(_ context.Context, o api.ServerOrder) (api.ServerName, error) {
	return o.ServerName, refusal(d.member.node.OrderServer(orderOf(o)))
}

// OrderServer implements api.Backend. Without a cluster the order is for this node alone.
func (d controlSide) OrderServer(ctx context.Context, o api.ServerOrder) (api.ServerName, error) {
	name, err := d.serverMeant(o.ServerName)
	if err != nil {
		return api.ServerName{}, err
	}
	o.ServerName = name
	if err := d.give(ctx, o); err != nil {
		return api.ServerName{}, err
	}
	said := []any{"order", o.Order, "service", name.Service, "server", name.Server}
	if o.Weight != nil {
		said = append(said, "weight", *o.Weight)
	}
	d.log.Info("order for a real server", said...)
	return name, nil
}

// give has an order remembered, by the cluster or by this node.
func (d *daemon) give(ctx context.Context, o api.ServerOrder) error {
	if d.member == nil {
		return refusal(d.book.give(orderOf(o)))
	}
	here := func() error { return refusal(d.member.node.OrderServer(orderOf(o))) }
	there := func(leader string) error { return orderThrough(ctx, d.member.peers, leader, o) }
	return throughLeader(ctx, d.name(), d.leader, here, there)
}

// orderThrough asks a leader. One that does not answer is about to be replaced, and one
// of an older version does not know of servers.
func orderThrough(ctx context.Context, peers *api.PeerClient, leader string, o api.ServerOrder) error {
	_, err := peers.OrderServer(ctx, leader, o)
	refused, ok := errors.AsType[*api.AnswerError](err)
	switch {
	case err == nil:
		return nil
	case !ok:
		return api.Moving(err)
	case refused.Code == http.StatusNotFound:
		return api.Invalid(fmt.Errorf("%s leads, and its version of perch knows of no orders for servers: update it, or transfer the VIPs to a newer one", leader))
	}
	return err
}

// serverMeant returns the names of a server as the config has them. One that is not in
// it any more is known, too, by the order that stands for it.
func (d *daemon) serverMeant(n api.ServerName) (api.ServerName, error) {
	service, server, err := d.config().FindServer(n.Service, n.Server)
	if err == nil {
		return api.ServerName{Service: service, Server: server}, nil
	}
	if _, stands := d.orders()[n.Service][n.Server]; stands {
		return n, nil
	}
	return api.ServerName{}, api.Invalid(err)
}

// ReportServer implements api.PeerBackend.
func (d peerSide) ReportServer(_ context.Context, n api.ServerName) (api.ServerReport, error) {
	return d.serverReport(n)
}

// ReportServer implements api.Backend. Connections to the cluster's VIPs go through
// their owner, so that they are counted there.
func (d controlSide) ReportServer(ctx context.Context, n api.ServerName) (api.ServerReport, error) {
	n, err := d.serverMeant(n)
	if err != nil {
		return api.ServerReport{}, err
	}
	if d.member == nil {
		return d.serverReport(n)
	}
	leader, err := d.leader()
	switch {
	case err != nil:
		return api.ServerReport{}, err
	case leader == d.name():
		return d.serverReport(n)
	default:
		ctx, cancel := context.WithTimeout(ctx, reportLimit)
		defer cancel()
		return d.member.peers.ReportServer(ctx, leader, n)
	}
}

// forgotten is a warning about orders for servers that are not in the config, "" for none.
func forgotten(orders state.Orders, services []config.Service) string {
	known := map[api.ServerName]bool{}
	for _, service := range services {
		for _, server := range service.Servers {
			known[api.ServerName{Service: service.Name, Server: server.Address.String()}] = true
		}
	}
	var lost []string
	for service, servers := range orders {
		for server := range servers {
			if !known[api.ServerName{Service: service, Server: server}] {
				lost = append(lost, service+" "+server)
			}
		}
	}
	if len(lost) == 0 {
		return ""
	}
	first := slices.Min(lost)
	return fmt.Sprintf("orders stand for servers that are not in the config: %d, such as %s; until perch server undrain and weight default they count again once it is",
		len(lost), first)
}

// serverReport returns a server as a node with these services sees it.
func serverReport(node string, services []api.Service, n api.ServerName) (api.ServerReport, error) {
	for _, service := range services {
		if service.Name != n.Service {
			continue
		}
		for _, server := range service.Servers {
			if server.Address == n.Server {
				return api.ServerReport{ServerName: n, Node: node, Protocol: service.Protocol, Found: server}, nil
			}
		}
	}
	return api.ServerReport{}, api.Invalid(fmt.Errorf("%s has no server %s of service %s", node, n.Server, n.Service))
}
