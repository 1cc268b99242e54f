// Package vrrpnet runs virtual routers on the network: it owns the sockets, the
// timers, and the interfaces with virtual MACs, and lets package vrrp decide.
//
// One goroutine, on an OS thread of its own and with a real-time priority if that is
// permitted, does all that is urgent (loop.go): it waits for packets and deadlines,
// steps the routers, sends their adverts and moves their leases. Nothing else is done
// on it: no logging, no netlink, no scripts, no lock that somebody else holds for
// longer than a moment, no allocation for a packet. (One is the kernel's lock for
// interfaces, which it takes to join a group when an instance begins somewhere.) Others
// have it do things by commands. What follows from a step (addresses, routes, log lines) is told by Changed
// and Status, and done elsewhere. A second goroutine logs what it has noticed, and reads
// once a second what is heard of VRIDs that no instance has, if that is wanted: by sockets
// of its own, so that it costs the loop nothing (lookout.go, watch.go).
//
// At each wake-up masters come first, for they may be late; then the packets; then the
// backups, for the advert of their master may have been among the packets. Deadlines
// are met up to 0.4 ms late, or a hundredth of the interval if that is less, so that
// those of many routers are met together, and their adverts leave together. After
// packets the next ones are left to gather for as long.
//
// Packets of one interface, family and protocol come in by one socket, whose filter
// knows the VRIDs that are ours, and leave by one.
//
// # Adverts that say nothing new
//
// A backup whose master is well hears the same bytes again and again. The filter of its
// socket, an eBPF program, takes note of when they come, and does not wake the loop
// (note.go, note_program.go, notes.go; absorb.go is the loop's part). When a deadline has
// passed the loop looks into the note first, without a system call: if an advert came
// since, the deadline is that much later. At the same time it looks into those of all
// backups that are due within an interval, so that it wakes up once an interval at the
// most, however many routers there are. Without the permission for such programs (CAP_BPF),
// before Linux 5.12, in a time namespace of its own, and for adverts longer than 512 bytes,
// each advert wakes the loop.
//
// It must be as if each advert had been heard: decided, counted and shown alike. So it is,
// as long as these hold (TestNotesAreAsIfHeard has two engines hear the same, one with
// notes):
//
//   - All that Wire.Judge looks at is compared: the socket, source, destination, TTL or hop
//     limit, the IPv4 header with its options, the length, and each byte of the payload.
//     Left out are the identification and the checksum of the IPv4 header, which the kernel
//     has checked; the traffic class and flow label of IPv6. Extension headers pass.
//   - The advert was accepted, nothing in its verdict depends on when it comes, and none
//     is good once only (Wire.Repeat): not with an authentication header, nor with keys.
//     Whatever changes the Wire forgets it first.
//   - The router is a backup that such an advert only has be patient for longer, whenever
//     it comes (Router.Settled). That is asked anew after each step. So no master, none in
//     fault, none that is about to take over, and none that is to preempt absorbs anything.
//   - Order is kept. A packet that is not absorbed shuts the note, and all that follow it
//     are read, in the order of the socket. The note opens when as many packets were read as
//     have passed, by a compare-and-swap on the word that counts them: none that still waits
//     came before. Before a packet is judged the router catches up with its note. (Between
//     two processors of the machine there is no order, nor was there.)
//   - A backup that is due shuts its note, and looks once more, before it takes over: what
//     comes later is heard by a master. As the filter absorbs by a compare-and-swap on the
//     same word, each advert is either seen by that look, or passes.
//   - Whoever asks what was heard has the routers catch up first (Heard). What Status and the
//     log tell is none of it: who was heard, and how, is the same again.
//
// Who forges the bytes of the master's advert keeps a backup quiet, as they always have
// by sending it: RFC 9568 section 9 has no means against it. But they do not even wake it.
//
// A process that was stopped for longer than its master's patience finds in the notes what
// the kernel has heard meanwhile, and when. If its master was well until just now it stays
// what it is. If not, the rule holds that a backup waits once more that wakes up far too
// late, as others may have taken over in packets that its socket had no room for.
//
// The package must never: let an advert wait for anything but the kernel; touch a
// timer of a router for a packet that was refused; go on as a master when it wakes up
// after its lease (it releases first, and asks later).
package vrrpnet
