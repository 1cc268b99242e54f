// Package vrrpnet runs virtual routers on the network: it owns the sockets, the
// timers, and the interfaces with virtual MACs, and lets package vrrp decide.
//
// One goroutine, on an OS thread of its own, does all that is urgent (engine.go): it
// waits for packets and deadlines, steps the routers, sends their adverts and moves
// their leases. Nothing else is done on it: no logging, no netlink, no scripts, no
// lock that somebody else holds for longer than a moment. What follows from a step
// (addresses, routes, log lines) is told by Changed and Status, and done elsewhere.
//
// The package must never: let an advert wait for anything but the kernel; touch a
// timer of a router for a packet that was refused; go on as a master when it wakes up
// after its lease (it releases first, and asks later).
package vrrpnet
