// Package bgp announces VIPs through the bgpd of a local FRR, for networks in which
// ARP does not reach: it keeps `network` statements in bgpd's running configuration, by
// the vty socket that vtysh uses too, and tells how bgpd's neighbors are.
//
// Speaker.Set says which networks are to be announced. A network is that of one address,
// a /32 or /128. bgpd announces it only while the kernel's routing table has exactly that
// prefix (its import check), so that a route goes with the address: it is the lifetime of
// the address in the kernel that ends the announcement of a process that is dead or
// stopped. This package need not know of that address.
//
// Who takes a network over announces it as a fresh route, with origin IGP, and after a
// while as a settled one, with origin incomplete, which every router likes less. So a
// router prefers the new owner of a VIP from the first moment, while the route of an owner
// that was frozen is still there. See Options.Settle. Of two fresh ones of the same AS it
// prefers the one of the later term, whose metric is lower. One who hands a network over first
// has it make way for any other's route, by a longer path, and keeps a route to it in the
// kernel for a moment (placeholder.go). See Speaker.Linger.
//
// Pure, without I/O, clock or log: what bgpd's configuration says (running.go), the steps
// from it to what is wanted (plan.go, routemap.go), and how neighbors are (neighbor.go,
// hold.go). An announcement goes by the configuration as it was last seen; each pass ends by
// reading it anew (pass.go), so that a bgpd that was started anew, or whose configuration
// somebody else has changed, is noticed within seconds.
//
// Goroutines: those of Run, whose caller owns them: one speaks to bgpd, another one writes
// the ledger. Both have ended when Run returns, but the latter if the disk hangs. One of
// Linger ends once the kernel has answered, which Linger does not wait for if that takes
// long.
//
// It must never
//   - let Set wait for bgpd, the disk or a log line;
//   - touch a network that is neither one of Options.Networks nor in the ledger, nor
//     anything else of bgpd's configuration but its own route-maps;
//   - begin a BGP instance that the operator has not configured;
//   - save bgpd's configuration.
package bgp
