// Package vip holds virtual addresses: it brings a desired set of IPv4 and IPv6
// addresses into the kernel, tells the neighbours of them, and takes them out
// again.
//
// Manager.Configure names the addresses that this node answers for, Manager.Set
// those of them that it must hold now. Both are desired state: the difference to
// the kernel is computed by a pure plan (plan.go), adds come before removes, and
// either call may be repeated. The plan, the announcement schedule, the limits
// on a fight over an address and the frame codec do no I/O and read no clock.
//
// Goroutines: none but those of Run, which its caller owns. Run itself keeps the
// timers (announcements, lifetimes, retries), and has one goroutine that reads
// netlink notifications; both have ended when Run returns.
//
// It must never
//   - change or remove an address that is neither configured here nor in the
//     ledger, nor lose one that the kernel removes along with a VIP;
//   - send an announcement for an address after the Set that gave it up has
//     returned;
//   - make Set(nil) wait for another address than the one that is being handled.
//
// Implemented: gratuitous ARP in both forms of RFC 5227 section 3 and RFC 5944
// section 4.6 over RFC 826 frames, and unsolicited neighbor advertisements
// (RFC 4861 sections 4.4 and 7.2.6).
package vip
