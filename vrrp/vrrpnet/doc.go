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
// are met up to 1 ms late, or a hundredth of the interval if that is less, so that
// those of many routers are met together, and their adverts leave together. After
// packets the next ones are left to gather for as long.
//
// Packets of one interface, family and protocol come in by one socket, whose filter
// knows the VRIDs that are ours, and leave by one.
//
// The package must never: let an advert wait for anything but the kernel; touch a
// timer of a router for a packet that was refused; go on as a master when it wakes up
// after its lease (it releases first, and asks later).
package vrrpnet
