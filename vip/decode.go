package vip

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Why a frame says nothing of where an address is.
var (
	errNotARP      = errors.New("no ARP request or reply for IPv4 on Ethernet")
	errNotNA       = errors.New("no neighbor advertisement")
	errRouted      = errors.New("hop limit is not 255: from another link")
	errChecksum    = errors.New("checksum is wrong")
	errOption      = errors.New("option of length 0 or longer than the message")
	errForAll      = errors.New("answer that one host asked for, sent to many")
	errNotOneHost  = errors.New("not an address of one host")
	errNobodyKnown = errors.New("names no address and MAC")
)

// assertion is what a frame says of where an address is.
type assertion struct {
	addr   netip.Addr
	mac    hwAddr
	answer bool // to a question of arpProbe or neighborQuestion
}

// readAssertion reads a frame of a type (ETH_P_...).
func readAssertion(etherType uint16, b []byte) (assertion, error) {
	if etherType == unix.ETH_P_ARP {
		f, err := parseARP(b)
		if err != nil {
			return assertion{}, err
		}
		return f.assertion()
	}
	f, err := parseNA(b)
	if err != nil {
		return assertion{}, err
	}
	return f.assertion()
}

// parseARP reads an ARP request or reply; padding behind it is ignored.
func parseARP(b []byte) (arpFrame, error) {
	if len(b) < arpFrameLength {
		return arpFrame{}, errShort
	}
	dst, src, kind := parseEther(b)
	const ethernetIPv4 = 1<<48 | 0x0800<<32 | 6<<24 | 4<<16
	head := binary.BigEndian.Uint64(b[etherHeader:])
	op := uint16(head)
	if kind != unix.ETH_P_ARP || head&^0xffff != ethernetIPv4 || op != arpRequest && op != arpReply {
		return arpFrame{}, errNotARP
	}
	b = b[etherHeader+8:]
	return arpFrame{
		dst: dst, src: src, op: op,
		senderMAC: hwAddr(b[0:6]), sender: netip.AddrFrom4([4]byte(b[6:10])),
		targetMAC: hwAddr(b[10:16]), target: netip.AddrFrom4([4]byte(b[16:20])),
	}, nil
}

// assertion is what the sender says of itself. One that asks without a sender
// address (RFC 5227 section 2.1.1) says nothing.
func (f arpFrame) assertion() (assertion, error) {
	if f.sender.IsUnspecified() || f.senderMAC == (hwAddr{}) {
		return assertion{}, errNobodyKnown
	}
	return assertion{
		addr: f.sender, mac: f.senderMAC,
		answer: f.op == arpReply && f.target.IsUnspecified(),
	}, nil
}

// parseNA reads a neighbor advertisement, and checks what RFC 4861 section 7.1.2
// demands. Where it names no MAC its sender's is meant.
func parseNA(b []byte) (naFrame, error) {
	const headers = etherHeader + ipv6Header
	if len(b) < headers+naLength {
		return naFrame{}, errShort
	}
	f := naFrame{}
	var kind uint16
	f.dst, f.src, kind = parseEther(b)
	ip, message := b[etherHeader:headers], b[headers:]
	size := int(binary.BigEndian.Uint16(ip[4:]))
	f.from, f.to = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	switch {
	case kind != unix.ETH_P_IPV6 || ip[0]>>4 != 6 || ip[6] != unix.IPPROTO_ICMPV6,
		message[0] != icmpNeighborAdvertisement || message[1] != 0:
		return naFrame{}, errNotNA
	case ip[7] != hopLimit:
		return naFrame{}, errRouted
	case size < naLength || size > len(message):
		return naFrame{}, errShort
	case checksum(f.from, f.to, message[:size]) != 0:
		return naFrame{}, errChecksum
	}
	f.flags = message[4] & (naRouter | naSolicited | naOverride)
	f.target = netip.AddrFrom16([16]byte(message[8:24]))
	var err error
	f.mac, err = targetMAC(message[naLength:size], f.src)
	return f, err
}

// targetMAC finds the MAC that the options of an advertisement name, else it is
// the one of the sender.
func targetMAC(options []byte, sender hwAddr) (hwAddr, error) {
	mac := sender
	for len(options) > 0 {
		if len(options) < 2 || options[1] == 0 || int(options[1])*8 > len(options) {
			return hwAddr{}, errOption
		}
		size := int(options[1]) * 8
		if options[0] == optionTargetMAC && size == tllaLength {
			mac = hwAddr(options[2:8])
		}
		options = options[size:]
	}
	return mac, nil
}

func (f naFrame) assertion() (assertion, error) {
	solicited := f.flags&naSolicited != 0
	switch {
	case f.target.IsMulticast() || f.target.IsUnspecified():
		return assertion{}, errNotOneHost
	case solicited && f.to.IsMulticast():
		return assertion{}, errForAll
	case f.mac == hwAddr{}:
		return assertion{}, errNobodyKnown
	}
	return assertion{addr: f.target, mac: f.mac, answer: solicited && f.to.IsLinkLocalUnicast()}, nil
}

func parseEther(b []byte) (dst, src hwAddr, kind uint16) {
	return hwAddr(b[0:6]), hwAddr(b[6:12]), binary.BigEndian.Uint16(b[12:14])
}
