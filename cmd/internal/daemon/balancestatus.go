package daemon

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// snapshotOfAll is a snapshot with the services.
func (d *daemon) snapshotOfAll() snapshot {
	s := d.snapshot()
	s.services, s.ipvs = d.services(), d.balancer.ipvsStatus()
	return s
}

// services returns the services as this node has them, with what its kernel has counted.
func (d *daemon) services() []api.Service {
	counted, err := d.balancer.manager.Counters()
	if err != nil {
		d.log.Debug("counters of services", "error", err)
	}
	return d.balancer.report(counted)
}

// report returns the services with what was decided on them.
func (b *balancer) report(counted []ipvs.Counted) []api.Service {
	kernel, orders, cfg := newTable(counted), b.orders(), b.config()
	troubles := b.troubles()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []api.Service
	for i := range cfg.Services {
		s := &cfg.Services[i]
		p := b.pools[s.Name]
		if p == nil {
			p = &balanced{}
		}
		out := describe(s, p.outcome)
		out.State, out.Reason = api.ServiceReady, ""
		for _, key := range keysOf(s) {
			if t, some := troubles[key]; some {
				out.State, out.Reason = t.state, t.reason
			}
			out.Counters = sum(out.Counters, kernel.services[key])
		}
		for _, m := range p.outcome.Members {
			server := kernel.server(s, m)
			server.Since = p.since[m.Address]
			obey(&server, orders[s.Name][m.Address.String()])
			out.Servers = append(out.Servers, server)
		}
		list = append(list, out)
	}
	return list
}

// describe returns a service without its servers.
func describe(s *config.Service, o ipvs.Outcome) api.Service {
	out := api.Service{
		Name:      s.Name,
		Protocol:  s.Protocol,
		FWMark:    s.FWMark,
		Scheduler: s.Scheduler,
		Sorry:     o.Sorry,
		Quorum: api.Quorum{
			Needed:     int(o.Quorum.Needed),
			Hysteresis: s.Hysteresis,
			Weight:     int(o.Quorum.Weight),
			Up:         o.Quorum.Up,
		},
	}
	for _, address := range s.Addresses {
		out.Addresses = append(out.Addresses, address.String())
	}
	if len(out.Addresses) > 0 {
		out.Address = out.Addresses[0]
	}
	for i := range s.Servers {
		if forward := s.Servers[i].Forward; out.Forward == "" {
			out.Forward = forward
		} else if out.Forward != forward {
			out.Forward = "mixed"
		}
	}
	return out
}

// table is what a kernel has counted.
type table struct {
	services map[ipvs.Key]api.Counters
	servers  map[ipvs.Key]map[netip.AddrPort]ipvs.CountedServer
}

func newTable(counted []ipvs.Counted) table {
	t := table{map[ipvs.Key]api.Counters{}, map[ipvs.Key]map[netip.AddrPort]ipvs.CountedServer{}}
	for _, c := range counted {
		t.services[c.Key] = api.Counters(c.Counters)
		servers := make(map[netip.AddrPort]ipvs.CountedServer, len(c.Servers))
		for _, s := range c.Servers {
			servers[s.Address] = s
		}
		t.servers[c.Key] = servers
	}
	return t
}

// server returns a server of a service, with what was counted of it for all of its
// addresses.
func (t table) server(s *config.Service, m ipvs.MemberStatus) api.Server {
	out := api.Server{
		Address:          m.Address.String(),
		State:            string(m.State),
		Reason:           m.Reason,
		ConfiguredWeight: m.Configured,
		Healthy:          m.Healthy,
	}
	for i := range s.Servers {
		if s.Servers[i].Address == m.Address {
			out.Forward = s.Servers[i].Forward
		}
	}
	if !m.Healthy {
		out.Error = m.Reason
	}
	for _, key := range keysOf(s) {
		counted, there := t.servers[key][m.Address]
		if !there {
			continue
		}
		out.Weight = counted.Weight
		out.Counters = sum(out.Counters, api.Counters(counted.Counters))
		out.Connections.Active += counted.Active
		out.Connections.Inactive += counted.Inactive
		out.Connections.Persistent += counted.Persistent
	}
	return out
}

// obey adds what an operator wants of a server.
func obey(s *api.Server, o state.Order) {
	s.Drained, s.OrderedWeight = o.Drain, o.Weight
	if s.State == string(ipvs.MemberDraining) && s.Connections.Active+s.Connections.Inactive == 0 {
		s.State = api.ServerDrained
	}
}

func sum(a, b api.Counters) api.Counters {
	return api.Counters{
		Connections:    a.Connections + b.Connections,
		PacketsIn:      a.PacketsIn + b.PacketsIn,
		BytesIn:        a.BytesIn + b.BytesIn,
		PacketsOut:     a.PacketsOut + b.PacketsOut,
		BytesOut:       a.BytesOut + b.BytesOut,
		ConnectionRate: a.ConnectionRate + b.ConnectionRate,
		PacketRateIn:   a.PacketRateIn + b.PacketRateIn,
		ByteRateIn:     a.ByteRateIn + b.ByteRateIn,
		PacketRateOut:  a.PacketRateOut + b.PacketRateOut,
		ByteRateOut:    a.ByteRateOut + b.ByteRateOut,
	}
}

// trouble is why a service is not as it is wanted.
type trouble struct{ state, reason string }

// troubles returns what keeps the kernel from having services as they are wanted.
func (b *balancer) troubles() map[ipvs.Key]trouble {
	s := b.manager.Status()
	found := map[ipvs.Key]trouble{}
	for _, t := range s.Failed {
		found[t.Key] = trouble{api.ServiceWaiting, t.Reason}
	}
	for _, t := range s.Blocked {
		found[t.Key] = trouble{api.ServiceBlocked, t.Reason + "; remove it, or set own_all in [ipvs]"}
	}
	if s.Ready {
		return found
	}
	cfg := b.config()
	for i := range cfg.Services {
		for _, key := range keysOf(&cfg.Services[i]) {
			found[key] = trouble{api.ServiceWaiting, whyNotReady(cfg.IPVS, s)}
		}
	}
	return found
}

// whyNotReady says what keeps the kernel from balancing.
func whyNotReady(c config.IPVS, s ipvs.Status) string {
	if s.Waiting == "" && c.Nodes == "owner" {
		return "the services are where the VIPs are (nodes = \"owner\")"
	}
	return cmp.Or(s.Waiting, "it has just begun")
}

// ipvsStatus says how this node's kernel balances; nil where nothing is to be balanced.
func (b *balancer) ipvsStatus() *api.IPVS {
	cfg, s := b.config(), b.manager.Status()
	if len(cfg.Services) == 0 && len(s.Problems) == 0 {
		return nil
	}
	out := &api.IPVS{State: api.ServiceReady, Reason: strings.Join(s.Problems, "; ")}
	if !s.Ready {
		out.State, out.Reason = api.ServiceWaiting, whyNotReady(cfg.IPVS, s)
	}
	for _, key := range s.Foreign {
		out.Foreign = append(out.Foreign, key.String())
	}
	if sync := cfg.IPVS.Sync; sync != nil {
		out.Sync = b.syncStatus(sync)
	}
	return out
}

func (b *balancer) syncStatus(c *config.IPVSSync) *api.IPVSSync {
	want, trouble := b.syncer.status()
	out := &api.IPVSSync{Role: api.SyncOff, Interface: c.Interface, ID: c.ID, Reason: trouble}
	for _, daemon := range want {
		if trouble == "" && out.Role == api.SyncOff {
			out.Role = daemon.Role.String()
		}
	}
	return out
}
