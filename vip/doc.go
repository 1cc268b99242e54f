// Package vip holds virtual addresses: it brings a desired set of IPv4 and IPv6
// addresses into the kernel, tells the neighbours of them, and takes them out
// again.
//
// Manager.Configure names the addresses that this node answers for, Manager.Set
// those of them that it must hold now. Both are desired state: survey and plan
// (plan.go, with a model of the kernel's rules in model.go) compute what differs
// from the kernel, and apply.go carries it out, adds before removes, each address
// announced as soon as it is there. What others do to addresses and interfaces is
// noticed by netlink and answered by another comparison, never by the single event.
//
// Pure, without I/O, clock or log: the plan, the announcement schedule and the
// agenda under it, the limits on fights and log lines, and the codecs of frames
// and netlink messages. Everything that reaches the kernel passes the transport
// of sockets.go; the tests put a model of the kernel there, or use a real one in
// network namespaces of their own.
//
// Goroutines: none but those of Run, whose caller owns them. Run itself keeps the
// timers (announcements, lifetimes, retries). Of two goroutines under it one reads
// netlink notifications, the other writes log lines and takes out of the ledger
// what has gone; both have ended when Run returns.
//
// The package must never
//   - change or remove an address that is neither configured here nor in the
//     ledger, nor lose one that the kernel removes along with a VIP;
//   - announce or refresh an address after the Set that gave it up has returned;
//   - let Set(nil) wait for more than the one address that is being handled: not
//     for the rest of a Set, nor for the disk or a log line.
//
// Implemented: gratuitous ARP as a request and as a reply (RFC 5227 section 3,
// RFC 5944 section 4.6), in RFC 826 frames, and unsolicited neighbor
// advertisements (RFC 4861 sections 4.4 and 7.2.6).
package vip
