package vrrpnet

import (
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/perch-vip/perch/vrrp"
)

// note is what the filter of a socket (note_program.go) and the loop share about one
// router: the advert that it hears again and again, and when it was heard last.
//
// The word says it all at one stroke, from its lowest bit: whether the filter is to absorb
// the advert (1), when that was heard last (44, in units of 1,024 ns of CLOCK_BOOTTIME,
// which come round after 208 days), and how many packets the filter has passed (19, which
// come round, too). All else is written while the filter is not to look at it.
type note struct {
	word   atomic.Uint64
	count  atomic.Uint64 // adverts that were absorbed
	cookie uint64        // of the socket
	length uint64        // of the packet, as the socket has it
	head   [headLength]byte
	body   [bodyLength]byte
}

// Where the filter finds them. What it compares is a multiple of a chunk.
const (
	countAt    = 8
	cookieAt   = 16
	lengthAt   = 24
	headAt     = 32
	headLength = 40 // the IPv6 header, whose first 4 bytes do not matter; nothing over IPv4
	bodyAt     = headAt + headLength
	bodyLength = 8 * chunk // what the socket has; longer adverts are heard one by one
	noteLength = bodyAt + bodyLength
	chunk      = 64
)

var _ = [1]struct{}{}[unsafe.Sizeof(note{})-noteLength]

const (
	absorbing = 1
	timeShift = 1
	timeBits  = 44
	seqShift  = timeShift + timeBits
	timeMask  = 1<<timeBits - 1
	seqMask   = 1<<(64-seqShift) - 1
	unitShift = 10
)

// moment is when an advert was heard, as the word has it.
type moment uint64

func momentOf(t time.Duration) moment { return moment(uint64(t)>>unitShift) & timeMask }

// near returns the time of a moment that is not far from now.
func (m moment) near(now time.Duration) time.Duration {
	const unused = 64 - timeBits
	ahead := int64((uint64(m)-uint64(momentOf(now)))<<unused) >> unused
	return time.Duration((int64(now)>>unitShift + ahead) << unitShift)
}

// heard returns when the advert was heard last, or when the note was opened.
func (n *note) heard() moment { return moment(n.word.Load()>>timeShift) & timeMask }

// passed returns how many packets the filter has passed.
func (n *note) passed() uint32 { return uint32(n.word.Load() >> seqShift) }

// open has the filter absorb the advert, unless it has passed other packets than those
// that were read: one that still waits has come before.
func (n *note) open(read uint32, now time.Duration) bool {
	was := n.word.Load()
	if was&absorbing != 0 || uint32(was>>seqShift) != read&seqMask {
		return false
	}
	return n.word.CompareAndSwap(was, was>>seqShift<<seqShift|uint64(momentOf(now))<<timeShift|absorbing)
}

// shut has the filter pass all.
func (n *note) shut() { n.word.And(^uint64(absorbing)) }

// writeable tells whether an advert is short enough.
func writeable(p vrrp.Packet) bool { return len(p.Header)+len(p.Payload) <= bodyLength }

// write writes what the filter is to absorb: all that Judge looks at. It must be shut.
func (n *note) write(cookie uint64, p vrrp.Packet) {
	n.cookie, n.length = cookie, uint64(len(p.Header)+len(p.Payload))
	n.head, n.body = [headLength]byte{}, [bodyLength]byte{}
	if p.Src.Is6() {
		n.writeHead(p)
	}
	copy(n.body[copy(n.body[:], p.Header):], p.Payload)
	if p.Src.Is4() {
		n.body[idAt], n.body[idAt+1] = 0, 0 // each packet has another one
		n.body[sumAt], n.body[sumAt+1] = 0, 0
	}
}

// Of an IPv4 header.
const (
	idAt  = 4
	sumAt = 10 // the kernel has checked it
)

// writeHead writes the IPv6 header of a packet without extensions.
func (n *note) writeHead(p vrrp.Packet) {
	h := &n.head
	h[4], h[5], h[6], h[7] = byte(len(p.Payload)>>8), byte(len(p.Payload)), protocolVRRP, p.TTL
	putAddress(h[8:], p.Src)
	putAddress(h[24:], p.Dst)
}

func putAddress(to []byte, a netip.Addr) {
	b := a.As16()
	copy(to, b[:])
}
