package ipvs

import (
	"encoding/binary"
	"math"

	lvs "github.com/cloudflare/ipvs"
)

// Commands, as in linux/ip_vs.h.
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
)

// Attributes of a command, likewise.
const (
	attrService = 1
	attrDest    = 2
	attrDaemon  = 3
)

// Attributes of a service, likewise.
const (
	serviceFamily    = 1
	serviceProtocol  = 2
	serviceAddress   = 3
	servicePort      = 4
	serviceMark      = 5
	serviceScheduler = 6
	serviceFlags     = 7
	serviceTimeout   = 8
	serviceNetmask   = 9
	serviceEngine    = 11
)

// Attributes of a server, likewise.
const (
	destAddress     = 1
	destPort        = 2
	destForward     = 3
	destWeight      = 4
	destUpper       = 5
	destLower       = 6
	destFamily      = 11
	destTunnelType  = 13
	destTunnelPort  = 14
	destTunnelFlags = 15
)

// request is a message to the kernel's IPVS.
type request struct {
	command uint8
	data    []byte
}

// encodeStep returns the request that carries s out.
func encodeStep(s step) request {
	service := toService(s.Key, s.Balancing)
	data := make(attributes, 0, roomOfStep)
	data.nested(attrService, func() {
		encodeKey(&data, service)
		if s.verb == addService || s.verb == editService {
			encodeBalancing(&data, service, s.Persistence.Engine)
		}
	})
	if s.verb >= addServer {
		data.nested(attrDest, func() { encodeServer(&data, toServer(s.Server)) })
	}
	return request{command: s.verb.command(), data: data}
}

// roomOfStep is enough for a server over IPv6.
const roomOfStep = 160

func (v verb) command() uint8 {
	switch v {
	case addService:
		return cmdNewService
	case editService:
		return cmdSetService
	case removeService:
		return cmdDelService
	case addServer:
		return cmdNewDest
	case editServer:
		return cmdSetDest
	default:
		return cmdDelDest
	}
}

func encodeKey(data *attributes, s lvs.Service) {
	data.uint16(serviceFamily, uint16(s.Family))
	if s.FWMark != 0 {
		data.uint32(serviceMark, s.FWMark)
		return
	}
	data.uint16(serviceProtocol, uint16(s.Protocol))
	data.bytes(serviceAddress, s.Address.AsSlice())
	data.bytes(servicePort, network16(s.Port))
}

func encodeBalancing(data *attributes, s lvs.Service, engine string) {
	flags := binary.NativeEndian.AppendUint32(nil, uint32(s.Flags))
	flags = binary.NativeEndian.AppendUint32(flags, math.MaxUint32) // all of them are meant
	data.text(serviceScheduler, s.Scheduler)
	data.bytes(serviceFlags, flags)
	data.uint32(serviceTimeout, s.Timeout)
	if s.Family == lvs.INET6 {
		data.uint32(serviceNetmask, uint32(s.Netmask.Bits())) // for IPv6 the kernel means the prefix
	} else {
		data.bytes(serviceNetmask, s.Netmask.AsSlice())
	}
	if engine != "" {
		data.text(serviceEngine, engine)
	}
}

func encodeServer(data *attributes, d lvs.Destination) {
	data.uint16(destFamily, uint16(d.Family))
	data.bytes(destAddress, d.Address.AsSlice())
	data.bytes(destPort, network16(d.Port))
	data.uint32(destForward, uint32(d.FwdMethod))
	data.uint32(destWeight, d.Weight)
	data.uint32(destUpper, d.UpperThreshold)
	data.uint32(destLower, d.LowerThreshold)
	data.uint8(destTunnelType, uint8(d.TunnelType))
	data.bytes(destTunnelPort, network16(d.TunnelPort))
	data.uint16(destTunnelFlags, uint16(d.TunnelFlags))
}

// network16 is n in the order of bytes of networks.
func network16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
