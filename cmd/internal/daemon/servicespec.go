package daemon

import (
	"time"

	"github.com/perch-vip/perch/cmd/internal/config"
	"github.com/perch-vip/perch/ipvs"
)

// serviceOptions are the kernel's flags for the options of a service. Those of schedulers
// share bits.
var serviceOptions = map[string]ipvs.Options{
	"ops":         ipvs.OnePacket,
	"sh-fallback": ipvs.Scheduler1,
	"mh-fallback": ipvs.Scheduler1,
	"sh-port":     ipvs.Scheduler2,
	"mh-port":     ipvs.Scheduler2,
	"flag-1":      ipvs.Scheduler1,
	"flag-2":      ipvs.Scheduler2,
	"flag-3":      ipvs.Scheduler3,
}

var (
	protocols      = map[string]ipvs.Protocol{"tcp": ipvs.TCP, "udp": ipvs.UDP, "sctp": ipvs.SCTP}
	families       = map[string]ipvs.Family{"ipv4": ipvs.IPv4, "ipv6": ipvs.IPv6}
	forwards       = map[string]ipvs.Forward{"nat": ipvs.NAT, "dr": ipvs.Direct, "tunnel": ipvs.Tunnel}
	encapsulations = map[string]ipvs.Encapsulation{"ipip": ipvs.IPIP, "gue": ipvs.GUE, "gre": ipvs.GRE}
	endings        = map[string]ipvs.AtEnd{"keep": ipvs.Keep, "remove": ipvs.Remove, "flush": ipvs.Flush}
	tunnelSums     = map[string]ipvs.Checksum{"checksum": ipvs.WithChecksum, "remote": ipvs.RemoteChecksum}
)

// keysOf returns what a service is in the kernel: one virtual service for each address, or
// for each family of packets with its mark.
func keysOf(s *config.Service) []ipvs.Key {
	var keys []ipvs.Key
	for _, address := range s.Addresses {
		keys = append(keys, ipvs.KeyOf(protocols[s.Protocol], address))
	}
	for _, family := range s.Families {
		keys = append(keys, ipvs.KeyOfMark(s.FWMark, families[family]))
	}
	return keys
}

// balancingOf returns how a service balances, for one of its keys.
func balancingOf(s *config.Service, family ipvs.Family) ipvs.Balancing {
	b := ipvs.Balancing{Scheduler: s.Scheduler}
	for _, option := range s.Options {
		b.Options |= serviceOptions[option]
	}
	if s.Persistence > 0 {
		b.Persistence = ipvs.Persistence{
			Timeout: uint32(s.Persistence / time.Second),
			Prefix:  s.PersistencePrefix[0],
			Engine:  s.PersistenceEngine,
		}
		if family == ipvs.IPv6 {
			b.Persistence.Prefix = s.PersistencePrefix[1]
		}
	}
	return b
}

func serverOf(s *config.RealServer) ipvs.Server {
	server := ipvs.Server{
		Address: s.Address,
		Weight:  uint32(s.Weight),
		Route: ipvs.Route{
			Forward: forwards[s.Forward],
			Upper:   uint32(s.UpperThreshold),
			Lower:   uint32(s.LowerThreshold),
		},
	}
	if server.Forward == ipvs.Tunnel {
		server.Encapsulation = encapsulations[s.Tunnel.Kind]
		server.GUEPort = s.Tunnel.Port
		server.Checksum = tunnelSums[s.Tunnel.Checksum]
	}
	return server
}

func membersOf(s *config.Service) []ipvs.Member {
	members := make([]ipvs.Member, len(s.Servers))
	for i := range s.Servers {
		r := &s.Servers[i]
		members[i] = ipvs.Member{Server: serverOf(r), Inhibit: r.InhibitOnFailure, SlowStart: r.SlowStart}
	}
	return members
}

func rulesOfService(s *config.Service) ipvs.Rules {
	rules := ipvs.Rules{
		StartUp:    s.Start == "up",
		Quorum:     uint32(s.Quorum),
		Hysteresis: uint32(s.Hysteresis),
		Omega:      s.Omega,
	}
	if s.SorryServer != nil {
		sorry := serverOf(s.SorryServer)
		rules.Sorry = &sorry
	}
	return rules
}

// settingsOf returns what a config wants of IPVS besides services. That of a witness
// without any is left alone.
func settingsOf(cfg *config.Config) ipvs.Settings {
	if isWitness(cfg) && len(servedBy(cfg)) == 0 {
		return ipvs.Settings{}
	}
	c := &cfg.IPVS
	return ipvs.Settings{
		All:   c.OwnAll,
		AtEnd: endings[c.AtEnd],
		Timeouts: ipvs.Timeouts{
			TCP:    uint32(c.TCP / time.Second),
			TCPFin: uint32(c.TCPFin / time.Second),
			UDP:    uint32(c.UDP / time.Second),
		},
	}
}
