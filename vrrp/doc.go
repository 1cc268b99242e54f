// Package vrrp decides what a virtual router does (VRRP version 3: RFC 9568, and RFC
// 5798 before it; version 2: RFC 3768, and RFC 2338 for its passwords).
//
//   - Advert is what is said (advert.go), Wire makes packets of it and judges those
//     that come in, in keepalived's order (wire.go, judge.go), with the checksums that
//     the others send (checksum.go, forms.go), behind the authentication header (ah.go)
//     or before the trailer of draft-cassen-vrrp-auth-hmac (trailer.go).
//   - Each packet that is refused is so for a Drop. Sender is what is known of a party
//     that was heard, and says what to change if it is refused (heard.go, explain.go).
//     Stranger is one of a VRID that is not ours (stranger.go).
//   - Router is the state machine of section 6, with what fleets of keepalived add to
//     it, and Group has several rise and fall together (router.go, group.go).
//
// Where RFC 9568 and keepalived differ: over IPv4 both forms of the checksum of version
// 3 are heard, and keepalived's is sent unless only the other one is heard; an advert
// that loses is answered; one with other addresses than ours is heeded, also if the
// first of IPv6 ones is not link-local (erratum 8300); owners listen, and of two the
// lower address yields. There is no mixed mode of versions (section 8.4).
//
// It is pure: it does no input or output, starts no goroutine, reads no clock and
// writes no log. Time comes in as an argument, and what is to be done goes out as
// values. There are two times: the time of day, for signatures, and for all else the
// reading of a clock that is never set.
//
// It must never: let a packet that is refused touch a timer; promise that there is
// one owner, since nobody acknowledges an advert; allocate for an advert that it reads
// or writes.
package vrrp
