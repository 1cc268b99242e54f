package ipvs

import (
	"encoding/binary"
	"math"

	lvs "github.com/cloudflare/ipvs"
	"github.com/mdlayher/netlink"
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
func encodeStep(s step) (request, error) {
	service := toService(s.Key, s.Balancing)
	enc := netlink.NewAttributeEncoder()
	enc.Nested(attrService, func(enc *netlink.AttributeEncoder) error {
		encodeKey(enc, service)
		if s.verb == addService || s.verb == editService {
			encodeBalancing(enc, service, s.Persistence.Engine)
		}
		return nil
	})
	if s.verb >= addServer {
		enc.Nested(attrDest, func(enc *netlink.AttributeEncoder) error {
			encodeServer(enc, toServer(s.Server))
			return nil
		})
	}
	data, err := enc.Encode()
	return request{command: s.verb.command(), data: data}, err
}

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

func encodeKey(enc *netlink.AttributeEncoder, s lvs.Service) {
	enc.Uint16(serviceFamily, uint16(s.Family))
	if s.FWMark != 0 {
		enc.Uint32(serviceMark, s.FWMark)
		return
	}
	enc.Uint16(serviceProtocol, uint16(s.Protocol))
	enc.Bytes(serviceAddress, s.Address.AsSlice())
	enc.Bytes(servicePort, network16(s.Port))
}

func encodeBalancing(enc *netlink.AttributeEncoder, s lvs.Service, engine string) {
	flags := binary.NativeEndian.AppendUint32(nil, uint32(s.Flags))
	flags = binary.NativeEndian.AppendUint32(flags, math.MaxUint32) // all of them are meant
	enc.String(serviceScheduler, s.Scheduler)
	enc.Bytes(serviceFlags, flags)
	enc.Uint32(serviceTimeout, s.Timeout)
	if s.Family == lvs.INET6 {
		enc.Uint32(serviceNetmask, uint32(s.Netmask.Bits())) // for IPv6 the kernel means the prefix
	} else {
		enc.Bytes(serviceNetmask, s.Netmask.AsSlice())
	}
	if engine != "" {
		enc.String(serviceEngine, engine)
	}
}

func encodeServer(enc *netlink.AttributeEncoder, d lvs.Destination) {
	enc.Uint16(destFamily, uint16(d.Family))
	enc.Bytes(destAddress, d.Address.AsSlice())
	enc.Bytes(destPort, network16(d.Port))
	enc.Uint32(destForward, uint32(d.FwdMethod))
	enc.Uint32(destWeight, d.Weight)
	enc.Uint32(destUpper, d.UpperThreshold)
	enc.Uint32(destLower, d.LowerThreshold)
	enc.Uint8(destTunnelType, uint8(d.TunnelType))
	enc.Bytes(destTunnelPort, network16(d.TunnelPort))
	enc.Uint16(destTunnelFlags, uint16(d.TunnelFlags))
}

// network16 is n in the order of bytes of networks.
func network16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
