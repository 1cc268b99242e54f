package ipvs

import (
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Attributes of a sync daemon, as in linux/ip_vs.h.
const (
	daemonRole      = 1
	daemonInterface = 2
	daemonID        = 3
	daemonMaxLen    = 4
	daemonGroup4    = 5
	daemonGroup6    = 6
	daemonPort      = 7 // in the order of bytes of this host
	daemonTTL       = 8
)

// encodeStart returns the request that starts d. What d leaves to the kernel is left out,
// as kernels before 4.3 know of nothing but role, interface and ID.
func encodeStart(d SyncDaemon) request {
	return encodeDaemon(cmdNewDaemon, func(data *attributes) {
		data.uint32(daemonRole, uint32(d.Role))
		data.text(daemonInterface, d.Interface)
		data.uint32(daemonID, uint32(d.ID))
		if d.MaxLen != 0 {
			data.uint16(daemonMaxLen, d.MaxLen)
		}
		if d.Group.Is4() {
			data.bytes(daemonGroup4, d.Group.AsSlice())
		} else if d.Group.Is6() {
			data.bytes(daemonGroup6, d.Group.AsSlice())
		}
		if d.Port != 0 {
			data.uint16(daemonPort, d.Port)
		}
		if d.TTL != 0 {
			data.uint8(daemonTTL, d.TTL)
		}
	})
}

// encodeStop returns the request that stops the daemon of a role.
func encodeStop(r Role) request {
	return encodeDaemon(cmdDelDaemon, func(data *attributes) {
		data.uint32(daemonRole, uint32(r))
	})
}

func encodeDaemon(command uint8, put func(*attributes)) request {
	var data attributes
	data.nested(attrDaemon, func() { put(&data) })
	return request{command: command, data: data}
}

// decodeDaemon is the inverse of encodeStart.
func decodeDaemon(answer []byte) (d SyncDaemon, err error) {
	err = decodeNested(answer, attrDaemon, func(dec *netlink.AttributeDecoder) {
		switch dec.Type() {
		case daemonRole:
			d.Role = Role(dec.Uint32())
		case daemonInterface:
			d.Interface = dec.String()
		case daemonID:
			d.ID = uint8(dec.Uint32())
		case daemonMaxLen:
			d.MaxLen = dec.Uint16()
		case daemonGroup4, daemonGroup6:
			d.Group, _ = netip.AddrFromSlice(dec.Bytes())
		case daemonPort:
			d.Port = dec.Uint16()
		case daemonTTL:
			d.TTL = dec.Uint8()
		}
	})
	return d, err
}
