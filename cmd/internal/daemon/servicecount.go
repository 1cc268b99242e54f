package daemon

import (
	"net/netip"

	"github.com/perch-vip/perch/cluster/state"
	"github.com/perch-vip/perch/cmd/internal/api"
	"github.com/perch-vip/perch/ipvs"
)

// table is what a kernel has counted. The zero value is for what is not known.
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
func (t table) server(s *virtualService, m ipvs.MemberStatus) api.Server {
	out := api.Server{
		Address:          m.Address.String(),
		State:            string(m.State),
		Reason:           m.Reason,
		ConfiguredWeight: m.Configured,
		Healthy:          m.Healthy,
	}
	if i := s.at[m.Address]; i < len(s.Servers) {
		out.Forward = s.Servers[i].Forward
	}
	if !m.Healthy {
		out.Error = m.Reason
	}
	for _, key := range s.keys {
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
func (t table) obey(s *api.Server, o state.Order) {
	s.Drained, s.OrderedWeight = o.Drain, o.Weight
	if t.servers != nil && s.State == string(ipvs.MemberDraining) && s.Connections.Active+s.Connections.Inactive == 0 {
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
