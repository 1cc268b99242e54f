package vrrpnet

import (
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/vrrp"
)

// receiverKind is what the packets that come in by one socket have in common.
type receiverKind struct {
	link
	ipv6     bool
	protocol int
}

// receiver is a socket, and whom its packets are for.
type receiver struct {
	kind    receiverKind
	fd      int
	users   int
	runners [256][]*runner // by VRID
	joined  []netip.Addr   // groups

	outdated bool // the filter

	cookie uint64
	filter *notes           // into which the filter looks; nil if it is a classic one
	told   map[uint8]uint32 // whose notes, by VRID
}

// refilter has the kernel pass what is for the runners, and nothing else; or all, if
// it does not take the filter.
func (rc *receiver) refilter() {
	var wanted vrids
	for vrid, runners := range rc.runners {
		if len(runners) > 0 {
			wanted.add(uint8(vrid))
		}
	}
	if attachFilter(rc.fd, wanted.filter(rc.kind)) != nil {
		unix.SetsockoptInt(rc.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	}
}

// parse reads packet i of an inbox.
func (k receiverKind) parse(in *inbox, i int) (vrrp.Packet, bool) {
	if k.ipv6 {
		return parse6(in, i), true
	}
	b := in.packet(i)
	if len(b) < 20 {
		return vrrp.Packet{}, false
	}
	length := int(b[0]&0xf) * 4
	if length < 20 || length > len(b) {
		return vrrp.Packet{}, false
	}
	return vrrp.Packet{
		Src:      netip.AddrFrom4([4]byte(b[12:])),
		Dst:      netip.AddrFrom4([4]byte(b[16:])),
		TTL:      b[8],
		Header:   b[:length],
		Protocol: b[9],
		Payload:  b[length:],
	}, true
}

func parse6(in *inbox, i int) vrrp.Packet {
	p := vrrp.Packet{
		Src:      netip.AddrFrom16(in.names[i].Addr),
		Protocol: protocolVRRP,
		Payload:  in.packet(i),
	}
	rest := in.control(i)
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, after, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		switch {
		case header.Level != unix.IPPROTO_IPV6:
		case header.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			p.Dst = netip.AddrFrom16([16]byte(data))
		case header.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			p.TTL = uint8(*(*int32)(unsafe.Pointer(&data[0])))
		}
		rest = after
	}
	return p
}

// whose returns for whom a packet is, or nil.
func (rc *receiver) whose(p vrrp.Packet) *runner {
	at := 1 // of the VRID
	if p.Protocol == protocolAH {
		at += ahLength
	}
	if len(p.Payload) <= at {
		return nil
	}
	runners := rc.runners[p.Payload[at]]
	if len(runners) <= 1 {
		if len(runners) == 0 {
			return nil
		}
		return runners[0]
	}
	for _, r := range runners {
		if r.expects(p) {
			return r
		}
	}
	return nil
}

// expects tells whether a packet is of the kind that a runner receives, where several
// have the same VRID.
func (r *runner) expects(p vrrp.Packet) bool {
	if p.Dst.IsMulticast() || len(r.Wire.Peers) == 0 {
		return p.Dst == r.multicast() && len(r.Wire.Peers) == 0
	}
	return slices.ContainsFunc(r.Wire.Peers, func(peer vrrp.Peer) bool { return peer.Address == p.Src })
}
