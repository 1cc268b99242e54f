package ipvs

import (
	"fmt"

	lvs "github.com/cloudflare/ipvs"
	"github.com/mdlayher/netlink"
)

// engines returns the persistence engines of the kernel's services, of those that have one.
func engines(s *socket) (map[Key]string, error) {
	answers, err := s.dump(cmdGetService)
	if err != nil {
		return nil, fmt.Errorf("list the kernel's persistence engines: %w", err)
	}
	engines := map[Key]string{}
	for _, answer := range answers {
		key, engine, err := decodeEngine(answer)
		if err != nil {
			return nil, fmt.Errorf("read a service from the kernel: %w", err)
		}
		if engine != "" {
			engines[key] = engine
		}
	}
	return engines, nil
}

// decodeEngine reads of a service what the library leaves out, and whose it is.
func decodeEngine(answer []byte) (key Key, engine string, err error) {
	var service lvs.Service
	var address []byte
	err = decodeNested(answer, attrService, func(dec *netlink.AttributeDecoder) {
		switch dec.Type() {
		case serviceFamily:
			service.Family = lvs.AddressFamily(dec.Uint16())
		case serviceProtocol:
			service.Protocol = lvs.Protocol(dec.Uint16())
		case serviceAddress:
			address = dec.Bytes()
		case servicePort:
			service.Port = hostUint16(dec)
		case serviceMark:
			service.FWMark = dec.Uint32()
		case serviceEngine:
			engine = dec.String()
		}
	})
	if err != nil {
		return Key{}, "", err
	}
	service.Address = addressOf(service.Family, address)
	key, _ = fromService(service)
	return key, engine, nil
}
