package web

import "github.com/perch-vip/perch/cmd/internal/api"

// Metrics is what a scrape shows.
type Metrics struct {
	Version   string // of perch
	GoVersion string
	BGP       *api.BGP  // nil where nothing is announced
	IPVS      *api.IPVS // nil where nothing is to be balanced
	Services  []api.Service
	// Counted says that the kernel's table has been read: else what it counts, and the
	// weights that it has, are left out.
	Counted bool
}

// The names of all metrics.
const (
	buildInfo    = "perch_build_info"
	bgpUp        = "perch_bgp_up"
	bgpState     = "perch_bgp_state"
	bgpWanted    = "perch_bgp_networks_wanted"
	bgpAnnounced = "perch_bgp_networks_announced"
	bgpFailures  = "perch_bgp_failures_total"
	bgpNeighbor  = "perch_bgp_neighbor_up"
	bgpReceived  = "perch_bgp_neighbor_received_prefixes"

	ipvsUp      = "perch_ipvs_up"
	ipvsCounted = "perch_ipvs_scrape_success"

	serviceInfo            = "perch_service_info"
	serviceUp              = "perch_service_up"
	serviceState           = "perch_service_state"
	serviceOwner           = "perch_service_owner"
	serviceQuorum          = "perch_service_quorum_up"
	serviceQuorumWeight    = "perch_service_quorum_weight"
	serviceLiveWeight      = "perch_service_live_weight"
	serviceSorry           = "perch_service_sorry"
	serviceServers         = "perch_service_servers"
	serviceServersUp       = "perch_service_servers_up"
	serviceConnections     = "perch_service_connections_total"
	serviceIncomingPackets = "perch_service_incoming_packets_total"
	serviceIncomingBytes   = "perch_service_incoming_bytes_total"
	serviceOutgoingPackets = "perch_service_outgoing_packets_total"
	serviceOutgoingBytes   = "perch_service_outgoing_bytes_total"

	serverUp              = "perch_server_up"
	serverHealthy         = "perch_server_healthy"
	serverState           = "perch_server_state"
	serverDrained         = "perch_server_drained"
	serverWantedWeight    = "perch_server_wanted_weight"
	serverWeight          = "perch_server_weight"
	serverActive          = "perch_server_active_connections"
	serverInactive        = "perch_server_inactive_connections"
	serverPersistent      = "perch_server_persistent_connections"
	serverConnections     = "perch_server_connections_total"
	serverIncomingPackets = "perch_server_incoming_packets_total"
	serverIncomingBytes   = "perch_server_incoming_bytes_total"
	serverOutgoingPackets = "perch_server_outgoing_packets_total"
	serverOutgoingBytes   = "perch_server_outgoing_bytes_total"
)

// serviceMetric is a metric with one sample for each service.
type serviceMetric struct {
	metric
	value func(*api.Service) uint64
}

// serviceMetrics are those of what perch has decided.
func serviceMetrics() []serviceMetric {
	return []serviceMetric{
		{
			metric{serviceUp, gauge, "1 if the service is ready: this node's kernel has it as wanted."},
			func(s *api.Service) uint64 { return one(s.State == api.ServiceReady) },
		},
		{
			metric{serviceOwner, gauge, "1 if the traffic of the service comes to this node."},
			func(s *api.Service) uint64 { return one(s.Here) },
		},
		{
			metric{serviceQuorum, gauge, "1 if the service has its quorum."},
			func(s *api.Service) uint64 { return one(s.Quorum.Up) },
		},
		{
			metric{serviceQuorumWeight, gauge, "Weight that the healthy servers of the service must have together."},
			func(s *api.Service) uint64 { return uint64(s.Quorum.Needed) },
		},
		{
			metric{serviceLiveWeight, gauge, "Weight that the healthy servers of the service have together."},
			func(s *api.Service) uint64 { return uint64(s.Quorum.Weight) },
		},
		{
			metric{serviceSorry, gauge, "1 if new connections go to the sorry server."},
			func(s *api.Service) uint64 { return one(s.Sorry) },
		},
		{
			metric{serviceServers, gauge, "Servers of the service."},
			func(s *api.Service) uint64 { return uint64(len(s.Servers)) },
		},
		{
			metric{serviceServersUp, gauge, "Servers of the service that are up."},
			serversUp,
		},
	}
}

// serviceCounts are those of what the kernel counts.
func serviceCounts() []serviceMetric {
	return []serviceMetric{
		{
			metric{serviceConnections, counter, "Connections to the service."},
			func(s *api.Service) uint64 { return s.Counters.Connections },
		},
		{
			metric{serviceIncomingPackets, counter, "Packets to the service."},
			func(s *api.Service) uint64 { return s.Counters.PacketsIn },
		},
		{
			metric{serviceIncomingBytes, counter, "Bytes in packets to the service."},
			func(s *api.Service) uint64 { return s.Counters.BytesIn },
		},
		{
			metric{serviceOutgoingPackets, counter, "Packets from the service that came through this node: with nat only."},
			func(s *api.Service) uint64 { return s.Counters.PacketsOut },
		},
		{
			metric{serviceOutgoingBytes, counter, "Bytes in packets from the service that came through this node: with nat only."},
			func(s *api.Service) uint64 { return s.Counters.BytesOut },
		},
	}
}

// serverMetric is a metric with one sample for each server of each service.
type serverMetric struct {
	metric
	value func(*api.Server) uint64
}

// serverMetrics are those of what perch has decided.
func serverMetrics() []serverMetric {
	return []serverMetric{
		{
			metric{serverUp, gauge, "1 if the server is in state up."},
			func(s *api.Server) uint64 { return one(s.State == api.ServerUp) },
		},
		{
			metric{serverHealthy, gauge, "1 if all checks of the server are well."},
			func(s *api.Server) uint64 { return one(s.Healthy) },
		},
		{
			metric{serverDrained, gauge, "1 if an operator has ordered to drain the server."},
			func(s *api.Server) uint64 { return one(s.Drained) },
		},
		{
			metric{serverWantedWeight, gauge, "Weight that perch wants the server to have in the kernel, 0 for no new connections."},
			func(s *api.Server) uint64 { return uint64(s.WantedWeight) },
		},
	}
}

// serverCounts are those of what the kernel has, and counts.
func serverCounts() []serverMetric {
	return []serverMetric{
		{
			metric{serverWeight, gauge, "Weight that the server has in the kernel, 0 also where it is not there."},
			func(s *api.Server) uint64 { return uint64(s.Weight) },
		},
		{
			metric{serverActive, gauge, "Established connections to the server."},
			func(s *api.Server) uint64 { return uint64(s.Connections.Active) },
		},
		{
			metric{serverInactive, gauge, "Other connections to the server that the kernel remembers, of UDP all."},
			func(s *api.Server) uint64 { return uint64(s.Connections.Inactive) },
		},
		{
			metric{serverPersistent, gauge, "Clients that persistence will lead to the server again."},
			func(s *api.Server) uint64 { return uint64(s.Connections.Persistent) },
		},
		{
			metric{serverConnections, counter, "Connections to the server since it was added to the kernel."},
			func(s *api.Server) uint64 { return s.Counters.Connections },
		},
		{
			metric{serverIncomingPackets, counter, "Packets to the server."},
			func(s *api.Server) uint64 { return s.Counters.PacketsIn },
		},
		{
			metric{serverIncomingBytes, counter, "Bytes in packets to the server."},
			func(s *api.Server) uint64 { return s.Counters.BytesIn },
		},
		{
			metric{serverOutgoingPackets, counter, "Packets from the server that came through this node: with nat only."},
			func(s *api.Server) uint64 { return s.Counters.PacketsOut },
		},
		{
			metric{serverOutgoingBytes, counter, "Bytes in packets from the server that came through this node: with nat only."},
			func(s *api.Server) uint64 { return s.Counters.BytesOut },
		},
	}
}

// one is 1 for what is so, as metrics have it.
func one(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func serversUp(s *api.Service) (n uint64) {
	for i := range s.Servers {
		n += one(s.Servers[i].State == api.ServerUp)
	}
	return n
}
