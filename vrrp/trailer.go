package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"
)

// The trailer of 28 bytes with which keepalived, since 2.4.2, signs adverts
// (draft-cassen-vrrp-auth-hmac): its kind, the ID of the key, 16 bits of zeros, a stamp
// of 64 bits that grows, and the signature.

const (
	trailerLength  = 28
	trailerSHA256  = 1
	stampAt        = 4
	signatureAt    = 12
	secondsAt      = 32 // bits of the stamp that are less than a second
	checksumAt     = 6
	fractionOfTick = 16 // bits of the stamp that count signatures
)

// keyring signs adverts, and checks signatures. It is not safe for concurrent use.
type keyring struct {
	macs   map[uint8]hash.Hash
	active uint8
	mode   TrailerMode
	replay AntiReplay
	window int32 // in seconds
	last   uint64
	marks  *marks
	pseudo [20]byte
	digest [sha256.Size]byte
}

// newKeyring makes one, or nil if there are no keys.
func newKeyring(auth Authentication, m *marks) *keyring {
	if len(auth.Keys) == 0 {
		return nil
	}
	k := &keyring{
		macs: map[uint8]hash.Hash{}, active: auth.Active, mode: auth.Mode, replay: auth.Replay,
		window: int32(auth.Window / time.Second), marks: m,
	}
	for id, key := range auth.Keys {
		k.macs[id] = hmac.New(sha256.New, key)
	}
	return k
}

// append appends the trailer to an advert from src, which begins at start.
func (k *keyring) append(b []byte, start int, src netip.Addr, wall time.Time) []byte {
	at := len(b)
	b = append(b, trailerSHA256, k.active, 0, 0)
	b = binary.BigEndian.AppendUint64(b, k.nextStamp(wall))
	b = append(b, zeros[:trailerLength-signatureAt]...)
	if mac := k.macs[k.active]; mac != nil { // else it is refused by all
		copy(b[at+signatureAt:], k.signature(mac, b[start:], src))
	}
	return b
}

// check returns the stamp of a signed advert from src, with its trailer.
func (k *keyring) check(signed []byte, src netip.Addr, wall time.Time) (stamp uint64, drop Drop) {
	trailer := signed[len(signed)-trailerLength:]
	if trailer[0] != trailerSHA256 || trailer[2] != 0 || trailer[3] != 0 {
		return 0, BadTrailer
	}
	stamp = binary.BigEndian.Uint64(trailer[stampAt:])
	if !k.timely(stamp, wall) { // it costs less than a signature
		return 0, BadClock
	}
	mac := k.macs[trailer[1]]
	if mac == nil {
		return 0, UnknownKey
	}
	if subtle.ConstantTimeCompare(k.signature(mac, signed, src), trailer[signatureAt:]) != 1 {
		return 0, BadSignature
	}
	// A mark out of the window only orders what the window keeps out.
	if m := k.marks.find(src); m != nil && k.timely(m.value, wall) && int64(stamp-m.value) <= 0 {
		return 0, Replayed
	}
	return stamp, 0
}

// timely tells whether a stamp is of about now, which with Monotonic any may be.
func (k *keyring) timely(stamp uint64, wall time.Time) bool {
	if k.replay == Monotonic {
		return true
	}
	age := int32(uint32(wall.Unix()) - uint32(stamp>>secondsAt))
	return age <= k.window && age >= -k.window
}

// nextStamp returns the time, or one more than the last stamp if that is not less: but
// not when the clock was set back by so much that nobody would heed it.
func (k *keyring) nextStamp(wall time.Time) uint64 {
	ticks := uint64(wall.Nanosecond()) << fractionOfTick / uint64(time.Second)
	stamp := uint64(wall.Unix())<<secondsAt | ticks<<fractionOfTick
	if k.last != 0 && int64(stamp-k.last) <= 0 && k.timely(k.last, wall) {
		stamp = k.last + 1
	}
	k.last = stamp
	return stamp
}

// signature returns that of an advert with its trailer, the checksum and the place of
// the signature counting as zeros.
func (k *keyring) signature(mac hash.Hash, signed []byte, src netip.Addr) []byte {
	k.pseudo = [20]byte{byte(familyOf(src)), signed[0] >> 4, signed[1]}
	appendAddr(k.pseudo[:4], src)
	mac.Reset()
	mac.Write(k.pseudo[:])
	mac.Write(signed[:checksumAt])
	mac.Write(zeros[:headerLength-checksumAt])
	mac.Write(signed[headerLength : len(signed)-trailerLength+signatureAt])
	mac.Write(zeros[:trailerLength-signatureAt])
	return mac.Sum(k.digest[:0])[:trailerLength-signatureAt]
}
