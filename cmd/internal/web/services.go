package web

import (
	"strconv"
	"strings"

	"github.com/perch-vip/perch/cmd/internal/api"
)

// The names of the metrics of services and of their servers.
const (
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

// byService and byServer are the labels that all but a few of these have.
func byService() []string { return []string{"service"} }

func byServer() []string { return []string{"service", "server"} }

// server is a real server of a service.
type server struct {
	service string
	*api.Server
}

// serviceMetrics are those of what perch has decided.
func serviceMetrics() []column[api.Service] {
	return []column[api.Service]{
		{
			metric: metric{
				serviceInfo, gauge, "What the service is by the config; always 1.",
				[]string{"service", "address", "fwmark", "protocol", "scheduler", "forward"},
			},
			each: func(s *api.Service, emit emit) {
				emit(1, strings.Join(s.Addresses, ","), markOf(s), s.Protocol, s.Scheduler, s.Forward)
			},
		},
		{
			metric: metric{serviceState, gauge, "The state that the service is in, as a label; always 1.", []string{"service", "state"}},
			each:   func(s *api.Service, emit emit) { emit(1, s.State) },
		},
		{
			metric: metric{serviceUp, gauge, "1 if the service is ready: this node's kernel has it as wanted.", byService()},
			value:  func(s *api.Service) uint64 { return one(s.State == api.ServiceReady) },
		},
		{
			metric: metric{serviceOwner, gauge, "1 if the traffic of the service comes to this node.", byService()},
			value:  func(s *api.Service) uint64 { return one(s.Here) },
		},
		{
			metric: metric{serviceQuorum, gauge, "1 if the service has its quorum.", byService()},
			value:  func(s *api.Service) uint64 { return one(s.Quorum.Up) },
		},
		{
			metric: metric{serviceQuorumWeight, gauge, "Weight that the healthy servers of the service must have together.", byService()},
			value:  func(s *api.Service) uint64 { return uint64(s.Quorum.Needed) },
		},
		{
			metric: metric{serviceLiveWeight, gauge, "Weight that the healthy servers of the service have together.", byService()},
			value:  func(s *api.Service) uint64 { return uint64(s.Quorum.Weight) },
		},
		{
			metric: metric{serviceSorry, gauge, "1 if new connections go to the sorry server.", byService()},
			value:  func(s *api.Service) uint64 { return one(s.Sorry) },
		},
		{
			metric: metric{serviceServers, gauge, "Servers of the service.", byService()},
			value:  func(s *api.Service) uint64 { return uint64(len(s.Servers)) },
		},
		{
			metric: metric{serviceServersUp, gauge, "Servers of the service that are up.", byService()},
			value:  serversUp,
		},
	}
}

// serviceCounts are those of what the kernel counts.
func serviceCounts() []column[api.Service] {
	return []column[api.Service]{
		{
			metric: metric{serviceConnections, counter, "Connections to the service.", byService()},
			value:  func(s *api.Service) uint64 { return s.Counters.Connections },
		},
		{
			metric: metric{serviceIncomingPackets, counter, "Packets to the service.", byService()},
			value:  func(s *api.Service) uint64 { return s.Counters.PacketsIn },
		},
		{
			metric: metric{serviceIncomingBytes, counter, "Bytes in packets to the service.", byService()},
			value:  func(s *api.Service) uint64 { return s.Counters.BytesIn },
		},
		{
			metric: metric{serviceOutgoingPackets, counter, "Packets from the service that came through this node: with nat only.", byService()},
			value:  func(s *api.Service) uint64 { return s.Counters.PacketsOut },
		},
		{
			metric: metric{serviceOutgoingBytes, counter, "Bytes in packets from the service that came through this node: with nat only.", byService()},
			value:  func(s *api.Service) uint64 { return s.Counters.BytesOut },
		},
	}
}

// serverMetrics are those of what perch has decided.
func serverMetrics() []column[server] {
	return []column[server]{
		{
			metric: metric{serverState, gauge, "The state that the server is in, as a label; always 1.", []string{"service", "server", "state"}},
			each:   func(s *server, emit emit) { emit(1, s.State) },
		},
		{
			metric: metric{serverUp, gauge, "1 if the server is in state up.", byServer()},
			value:  func(s *server) uint64 { return one(s.State == api.ServerUp) },
		},
		{
			metric: metric{serverHealthy, gauge, "1 if all checks of the server are well.", byServer()},
			value:  func(s *server) uint64 { return one(s.Healthy) },
		},
		{
			metric: metric{serverDrained, gauge, "1 if an operator has ordered to drain the server.", byServer()},
			value:  func(s *server) uint64 { return one(s.Drained) },
		},
		{
			metric: metric{serverWantedWeight, gauge, "Weight that perch wants the server to have in the kernel, 0 for no new connections.", byServer()},
			value:  func(s *server) uint64 { return uint64(s.WantedWeight) },
		},
	}
}

// serverCounts are those of what the kernel has, and counts.
func serverCounts() []column[server] {
	return []column[server]{
		{
			metric: metric{serverWeight, gauge, "Weight that the server has in the kernel, 0 also where it is not there.", byServer()},
			value:  func(s *server) uint64 { return uint64(s.Weight) },
		},
		{
			metric: metric{serverActive, gauge, "Established connections to the server.", byServer()},
			value:  func(s *server) uint64 { return uint64(s.Connections.Active) },
		},
		{
			metric: metric{serverInactive, gauge, "Other connections to the server that the kernel remembers, of UDP all.", byServer()},
			value:  func(s *server) uint64 { return uint64(s.Connections.Inactive) },
		},
		{
			metric: metric{serverPersistent, gauge, "Clients that persistence will lead to the server again.", byServer()},
			value:  func(s *server) uint64 { return uint64(s.Connections.Persistent) },
		},
		{
			metric: metric{serverConnections, counter, "Connections to the server since it was added to the kernel.", byServer()},
			value:  func(s *server) uint64 { return s.Counters.Connections },
		},
		{
			metric: metric{serverIncomingPackets, counter, "Packets to the server.", byServer()},
			value:  func(s *server) uint64 { return s.Counters.PacketsIn },
		},
		{
			metric: metric{serverIncomingBytes, counter, "Bytes in packets to the server.", byServer()},
			value:  func(s *server) uint64 { return s.Counters.BytesIn },
		},
		{
			metric: metric{serverOutgoingPackets, counter, "Packets from the server that came through this node: with nat only.", byServer()},
			value:  func(s *server) uint64 { return s.Counters.PacketsOut },
		},
		{
			metric: metric{serverOutgoingBytes, counter, "Bytes in packets from the server that came through this node: with nat only.", byServer()},
			value:  func(s *server) uint64 { return s.Counters.BytesOut },
		},
	}
}

func serversUp(s *api.Service) (n uint64) {
	for i := range s.Servers {
		n += one(s.Servers[i].State == api.ServerUp)
	}
	return n
}

// markOf is the firewall mark of a service, or "".
func markOf(s *api.Service) string {
	if s.FWMark == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(s.FWMark), 10)
}

// serversOf are the servers of all services.
func serversOf(services []api.Service) (all []server) {
	for i := range services {
		s := &services[i]
		for j := range s.Servers {
			all = append(all, server{s.Name, &s.Servers[j]})
		}
	}
	return all
}

// appendServices appends the metrics of services and of their servers. What the kernel
// counts is left out where it could not be read.
func appendServices(b []byte, m *Metrics) []byte {
	ofServices, ofServers := serviceMetrics(), serverMetrics()
	if m.Counted {
		ofServices, ofServers = append(ofServices, serviceCounts()...), append(ofServers, serverCounts()...)
	}
	b = appendTable(b, m.Services, func(s *api.Service) []string { return []string{s.Name} }, ofServices)
	return appendTable(b, serversOf(m.Services), func(s *server) []string { return []string{s.service, s.Address} }, ofServers)
}
