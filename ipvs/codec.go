package ipvs

import (
	"net/netip"

	lvs "github.com/cloudflare/ipvs"
	"github.com/cloudflare/ipvs/netmask"
)

// foreignForward is any way to forward that perch has no name for, and never asks for.
const foreignForward Forward = 255

// schedulerOptions are those flags of a service that a user may give it. The others are
// for the kernel, which refuses a new service with its own "hashed", and for persistence.
const schedulerOptions = OnePacket | Scheduler1 | Scheduler2 | Scheduler3

func toService(k Key, b Balancing) lvs.Service {
	s := lvs.Service{
		Address:   k.Address.Addr(),
		Port:      k.Address.Port(),
		FWMark:    k.Mark,
		Family:    toFamily(k.Family),
		Protocol:  lvs.Protocol(k.Protocol),
		Scheduler: b.Scheduler,
		Flags:     lvs.Flags(b.Options & schedulerOptions),
		Netmask:   netmask.MaskFrom(bits(k.Family), bits(k.Family)), // must be there, also without persistence
	}
	if b.Persistence != (Persistence{}) {
		s.Flags |= lvs.ServicePersistent
		s.Timeout = b.Persistence.Timeout
		s.Netmask = netmask.MaskFrom(b.Persistence.Prefix, bits(k.Family))
	}
	return s
}

// fromService is the inverse of toService, but for the engine of persistence.
func fromService(s lvs.Service) (Key, Balancing) {
	k := KeyOfMark(s.FWMark, fromFamily(s.Family))
	if s.FWMark == 0 {
		k.Protocol = Protocol(s.Protocol)
		k.Address = netip.AddrPortFrom(s.Address, s.Port)
	}
	b := Balancing{Scheduler: s.Scheduler, Options: Options(s.Flags) & schedulerOptions}
	if s.Flags&lvs.ServicePersistent != 0 {
		b.Persistence = Persistence{Timeout: s.Timeout, Prefix: s.Netmask.Bits()}
	}
	return k, b
}

func toServer(s Server) lvs.Destination {
	d := lvs.Destination{
		Address:        s.Address.Addr(),
		Port:           s.Address.Port(),
		Family:         toFamily(FamilyOf(s.Address.Addr())),
		FwdMethod:      toForward(s.Forward),
		Weight:         s.Weight,
		UpperThreshold: s.Upper,
		LowerThreshold: s.Lower,
	}
	if s.Forward == Tunnel {
		d.TunnelType = lvs.TunnelType(s.Encapsulation)
		d.TunnelPort = s.GUEPort
		d.TunnelFlags = lvs.TunnelFlags(s.Checksum)
	}
	return d
}

// fromServer is the inverse of toServer.
func fromServer(d lvs.Destination) Server {
	s := Server{
		Address: netip.AddrPortFrom(d.Address, d.Port),
		Weight:  d.Weight,
		Route: Route{
			Forward: fromForward(d.FwdMethod),
			Upper:   d.UpperThreshold,
			Lower:   d.LowerThreshold,
		},
	}
	if s.Forward == Tunnel {
		s.Encapsulation = Encapsulation(d.TunnelType)
		s.GUEPort = d.TunnelPort
		s.Checksum = Checksum(d.TunnelFlags)
	}
	return s
}

func toForward(f Forward) lvs.ForwardType {
	switch f {
	case Direct:
		return lvs.DirectRoute
	case Tunnel:
		return lvs.Tunnel
	default:
		return lvs.Masquerade
	}
}

func fromForward(f lvs.ForwardType) Forward {
	switch f {
	case lvs.Masquerade:
		return NAT
	case lvs.DirectRoute:
		return Direct
	case lvs.Tunnel:
		return Tunnel
	default:
		return foreignForward
	}
}

func toFamily(f Family) lvs.AddressFamily {
	if f == IPv6 {
		return lvs.INET6
	}
	return lvs.INET
}

func fromFamily(f lvs.AddressFamily) Family {
	if f == lvs.INET6 {
		return IPv6
	}
	return IPv4
}

// bits of an address.
func bits(f Family) int {
	if f == IPv6 {
		return 128
	}
	return 32
}

// fromStats takes the 64-bit counters, or the others from a kernel before 4.1.
func fromStats(narrow, wide lvs.Stats) Counters {
	if wide == (lvs.Stats{}) {
		wide = narrow
	}
	return Counters{
		Connections:    wide.Connections,
		PacketsIn:      wide.IncomingPackets,
		BytesIn:        wide.IncomingBytes,
		PacketsOut:     wide.OutgoingPackets,
		BytesOut:       wide.OutgoingBytes,
		ConnectionRate: wide.ConnectionRate,
		PacketRateIn:   wide.IncomingPacketRate,
		ByteRateIn:     wide.IncomingByteRate,
		PacketRateOut:  wide.OutgoingPacketRate,
		ByteRateOut:    wide.OutgoingByteRate,
	}
}
