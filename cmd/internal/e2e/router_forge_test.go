package e2e

import (
	"cmp"
	bin "encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// protocolVRRP is its number in IP packets.
const protocolVRRP = 112

// message is an advert which a router heeds unless something about it is wrong.
type message struct {
	version, vrid uint8
	priority      uint8  // 0 for the highest of a backup
	interval      uint16 // in version 3 in hundredths of a second, in version 2 in seconds
	addresses     []netip.Addr
	auth          uint8  // of version 2
	password      string // likewise
}

// encode returns the advert with its checksum (RFC 9568 section 5.2, RFC 3768 section
// 5.3).
func (m message) encode(src, dst netip.Addr) []byte {
	b := []byte{m.version<<4 | 1, m.vrid, cmp.Or(m.priority, 254), byte(len(m.addresses))}
	var pseudo []byte
	if m.version == 2 {
		b = append(b, m.auth, byte(m.interval))
	} else {
		b = bin.BigEndian.AppendUint16(b, m.interval)
	}
	b = append(b, 0, 0)
	for _, a := range m.addresses {
		b = append(b, a.AsSlice()...)
	}
	if m.version == 2 {
		b = append(b, make([]byte, passLen)...)
		copy(b[len(b)-passLen:], m.password)
	} else {
		pseudo = slices.Concat(src.AsSlice(), dst.AsSlice(), []byte{0, protocolVRRP, 0, byte(len(b))})
	}
	bin.BigEndian.PutUint16(b[6:], sumOf(append(pseudo, b...)))
	return b
}

// sumOf is the checksum of RFC 1071.
func sumOf(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(bin.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// header4 returns an IPv4 packet.
func header4(src, dst netip.Addr, ttl, proto uint8, payload []byte) []byte {
	p := make([]byte, 20, 20+len(payload))
	p[0], p[8], p[9] = 0x45, ttl, proto
	bin.BigEndian.PutUint16(p[2:], uint16(20+len(payload)))
	copy(p[12:], src.AsSlice())
	copy(p[16:], dst.AsSlice())
	bin.BigEndian.PutUint16(p[10:], sumOf(p))
	return append(p, payload...)
}

// header6 returns an IPv6 packet to the group of VRRP.
func header6(src netip.Addr, hops, proto uint8, payload []byte) []byte {
	p := make([]byte, 40, 40+len(payload))
	p[0], p[6], p[7] = 6<<4, proto, hops
	bin.BigEndian.PutUint16(p[4:], uint16(len(payload)))
	copy(p[8:], src.AsSlice())
	copy(p[24:], group6.AsSlice())
	return append(p, payload...)
}

var (
	groupMAC4 = lab.MAC{1, 0, 0x5e, 0, 0, 0x12}
	groupMAC6 = lab.MAC{0x33, 0x33, 0, 0, 0, 0x12}
)

func frameOf(to lab.MAC, packet []byte) []byte {
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	frame := append(to[:], 2, 0xbb, 0, 0, 0, 1)
	return append(bin.BigEndian.AppendUint16(frame, kind), packet...)
}

// forger makes adverts that no router may heed.
type forger struct {
	src4, src6 netip.Addr
	frames     [][]byte
	reasons    map[string]map[string]bool // that must be counted, by router
}

// newForger forges for the routers of floodedRouters on these nodes.
func newForger(nodes []*station) *forger {
	f := &forger{
		src4:    netip.MustParseAddr("198.18.0.209"),
		src6:    netip.MustParseAddr("fe80::bb:1"),
		reasons: map[string]map[string]bool{},
	}
	f.plain4(nodes)
	f.password()
	f.header()
	f.trailer()
	f.plain6()
	f.noise()
	return f
}

// forge keeps a packet and the reason, if there is one, for which a router is to refuse
// it.
func (f *forger) forge(router, reason string, mac lab.MAC, packet []byte) {
	f.frames = append(f.frames, frameOf(mac, packet))
	if reason == "" {
		return
	}
	if f.reasons[router] == nil {
		f.reasons[router] = map[string]bool{}
	}
	f.reasons[router][reason] = true
}

// forge4 forges for a router over IPv4.
func (f *forger) forge4(router, reason string, ttl, proto uint8, payload []byte) {
	f.forge(router, reason, groupMAC4, header4(f.src4, group4, ttl, proto, payload))
}

func (f *forger) encode4(m message) []byte { return m.encode(f.src4, group4) }

func someMessage(vrid uint8) message {
	return message{version: 3, vrid: vrid, interval: 50, addresses: []netip.Addr{netip.MustParseAddr("198.18.0.101")}}
}

// spoiled changes one byte of an advert.
func spoiled(b []byte, at int, value byte) []byte {
	b = slices.Clone(b)
	b[at] = value
	return b
}

// plain4 forges for a router of version 3 over IPv4.
func (f *forger) plain4(nodes []*station) {
	m := someMessage(51)
	good := f.encode4(m)
	f.forge4("plain", "bad TTL", 254, protocolVRRP, good)
	f.forge4("plain", "bad TTL", 1, protocolVRRP, good)
	forge := func(reason string, payload []byte) { f.forge4("plain", reason, 255, protocolVRRP, payload) }
	f.spoil(good, forge)
	for reason, edit := range wrongMessages {
		wrong := m
		edit(&wrong)
		forge(reason, f.encode4(wrong))
	}
	forge("unexpected signature", append(good, trailerOf(1, time.Now())...))
	for _, n := range nodes {
		to := n.Host.Eth0.IPv4.Addr()
		f.forge("plain", "bad destination", lab.MAC(n.Host.Eth0.MAC), header4(f.src4, to, 255, protocolVRRP, m.encode(f.src4, to)))
	}
	m.vrid = 99
	forge("", f.encode4(m))
	f.forge4("plain", "unexpected authentication header", 255, unix.IPPROTO_AH, f.authenticated(message{version: 2, vrid: 51, interval: 1, auth: 2}))
}

// spoil forges adverts that are wrong in any family.
func (f *forger) spoil(good []byte, forge func(reason string, payload []byte)) {
	forge("bad checksum", spoiled(good, 6, good[6]^0x55))
	forge("bad length", good[:len(good)-2])
	forge("bad length", slices.Concat(good, make([]byte, 99)))
	forge("bad version", spoiled(good, 0, 0x41))
	forge("bad version", spoiled(good, 0, 0x01))
	forge("not an advert", spoiled(good, 0, 0x32))
}

// wrongMessages are the mistakes in whole adverts, by reason.
var wrongMessages = map[string]func(*message){
	"no interval":  func(m *message) { m.interval = 0 },
	"no addresses": func(m *message) { m.addresses = nil },
}

// password forges for a router of version 2 with a password.
func (f *forger) password() {
	m := message{version: 2, vrid: 52, interval: 1, auth: 1, password: "wrong", addresses: someMessage(52).addresses}
	forge := func(reason string, m message) { f.forge4("pass", reason, 255, protocolVRRP, f.encode4(m)) }
	forge("bad password", m)
	m.auth = 0
	forge("bad kind of authentication", m)
	m.auth, m.interval, m.password = 1, 7, someSecrets["pass"]
	forge("bad interval", m)
	forge("bad version", someMessage(52))
}

// header forges for a router with authentication headers.
func (f *forger) header() {
	m := message{version: 2, vrid: 53, interval: 1, auth: 2, addresses: someMessage(53).addresses}
	f.forge4("ah", "no authentication header", 255, protocolVRRP, f.encode4(m))
	f.forge4("ah", "bad signature", 255, unix.IPPROTO_AH, f.authenticated(m))
	f.forge4("ah", "bad authentication header", 255, unix.IPPROTO_AH, spoiled(f.authenticated(m), 1, 9))
}

// authenticated has an authentication header with a made-up signature (RFC 2402).
func (f *forger) authenticated(m message) []byte {
	header := append([]byte{protocolVRRP, ahLen/4 - 2, 0, 0}, f.src4.AsSlice()...)
	header = append(header, make([]byte, ahLen-len(header))...)
	header[8] = 0x7f // a high number
	return append(header, f.encode4(m)...)
}

// trailer forges for a router with signatures as trailers.
func (f *forger) trailer() {
	good := f.encode4(someMessage(54))
	forge := func(reason string, trailer []byte) {
		f.forge4("hmac", reason, 255, protocolVRRP, slices.Concat(good, trailer))
	}
	forge("no signature", nil)
	forge("bad signature", trailerOf(1, time.Now()))
	forge("bad kind of signature", spoiled(trailerOf(1, time.Now()), 0, 9))
	forge("unknown key", trailerOf(2, time.Now().Add(time.Second)))
	forge("signed at another time", trailerOf(1, time.Now().Add(-time.Hour)))
}

// trailerOf is one that was signed at a time, not with the right key.
func trailerOf(key byte, at time.Time) []byte {
	b := bin.BigEndian.AppendUint32([]byte{1, key, 0, 0}, uint32(at.Unix()))
	return append(b, make([]byte, hmacLen-len(b))...)
}

// plain6 forges for a router of version 3 over IPv6.
func (f *forger) plain6() {
	m := someMessage(51)
	m.addresses = []netip.Addr{netip.MustParseAddr("2001:db8::101")}
	good := m.encode(f.src6, group6)
	f.forge("six", "bad TTL", groupMAC6, header6(f.src6, 254, protocolVRRP, good))
	forge := func(reason string, payload []byte) {
		f.forge("six", reason, groupMAC6, header6(f.src6, 255, protocolVRRP, payload))
	}
	f.spoil(good, forge)
	for reason, edit := range wrongMessages {
		wrong := m
		edit(&wrong)
		forge(reason, wrong.encode(f.src6, group6))
	}
	m.vrid = 99
	forge("", m.encode(f.src6, group6))
}

// noise forges random bytes on both protocols and families, for right and wrong VRIDs,
// from addresses that are made up.
func (f *forger) noise() {
	random := rand.New(rand.NewPCG(51, 112))
	for i := range 300 {
		payload := make([]byte, random.IntN(120))
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		if len(payload) > 1 && i%3 > 0 {
			payload[1] = byte(51 + random.IntN(4))
		}
		proto := []byte{protocolVRRP, unix.IPPROTO_AH}[i%2]
		if i%5 == 0 {
			f.forge("", "", groupMAC6, header6(f.src6, 255, proto, payload))
			continue
		}
		src := f.src4.As4()
		src[3] = byte(210 + random.IntN(40))
		f.forge("", "", groupMAC4, header4(netip.AddrFrom4(src), group4, 255, proto, payload))
	}
}
