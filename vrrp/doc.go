// Package vrrp decides what a virtual router does (VRRP version 3: RFC 9568, and RFC
// 5798 before it; version 2: RFC 3768, and RFC 2338 for its passwords). It reads and
// writes adverts, and steps the state machine of section 6 with what fleets of
// keepalived add to it.
//
// It is pure: it does no input or output, starts no goroutine, reads no clock and
// writes no log. Time comes in as an argument, and what is to be done goes out as
// values.
//
// It must never: let a packet that is refused touch a timer; promise that there is
// one owner, since nobody acknowledges an advert; allocate for an advert that it reads
// or writes.
package vrrp
