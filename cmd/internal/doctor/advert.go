package doctor

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// readAdvert reads a frame with an advert, whether or not anybody would heed it.
func (f Frames) readAdvert(kind uint16, frame []byte) (h Heard, ok bool) {
	packet := frame[etherHeader:]
	h.MAC = net.HardwareAddr(frame[6:12]).String()
	var to netip.Addr
	var body []byte
	switch {
	case kind == unix.ETH_P_IP && len(packet) >= 20:
		length := int(packet[0]&0xf) * 4
		if length < 20 || len(packet) < length {
			return h, false
		}
		h.From, to = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
		total := min(len(packet), max(length, int(packet[2])<<8|int(packet[3])))
		h.Header, body = packet[9] == protocolAH, packet[length:total] // without padding
		if !h.Header && packet[9] != protocolVRRP {
			return h, false
		}
	case kind == unix.ETH_P_IPV6 && len(packet) >= ipv6Header && packet[6] == protocolVRRP:
		h.From, to = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
		body = packet[ipv6Header:]
	default:
		return h, false
	}
	if h.Header {
		if len(body) < ahLength || body[0] != protocolVRRP {
			return h, false
		}
		body = body[ahLength:]
	}
	h.Unicast = !to.IsMulticast()
	return h, h.read(f, body, to)
}

func (h *Heard) read(f Frames, body []byte, to netip.Addr) bool {
	said, ok := f.Advert(body, h.From, to)
	if !ok {
		return false
	}
	h.VRID, h.Version, h.Priority, h.Interval, h.Auth, h.Addresses = said.VRID, said.Version, said.Priority, said.Interval, said.Auth, said.Addresses
	return true
}
