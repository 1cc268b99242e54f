// Package ipvs balances load behind virtual addresses: it brings a desired set of virtual
// services and their real servers into the kernel's IPVS, and decides from the health of
// the servers which of them that set has.
//
// Pool is the pure part: from what is known of the servers of one service (checks, an
// operator's orders, time) it makes the list of those that get traffic, with their
// weights, and says what happened, such as the loss of a quorum (pool.go; condition.go is
// what it is told, outcome.go what it says, tracked.go what it remembers of a server;
// quorum.go, ramp.go for slow starts, explain.go for the words). It knows neither the
// kernel nor checks.
//
// Manager is the shell: Set names the services with their servers that the kernel is to
// have. That is desired state: plan.go, which is pure, computes what differs, and Run
// carries it out: edits in place, adds before removes, so that no connection breaks that
// need not. A change of services that the kernel has needs no look at it (amend.go). All
// else does (review.go), and as the kernel tells nobody of changes, Run looks now and then
// without a reason, and mends. What others have put there is left alone unless
// Settings.All is set: the record (record.go), a file, has what perch put there, also
// before a restart or a SIGKILL (claim.go). Timeouts are put back to what they were
// (timeouts.go). Values that the kernel would misread are found beforehand (check.go).
//
// The kernel is spoken to by real.go. It reads by the library cloudflare/ipvs, whose values
// codec.go turns into perch's and back. It writes by messages of its own (message.go), many
// at once (socket.go), as that library sends one at a time and knows of neither persistence
// engines, which engine.go reads, nor of the kernel's daemons that tell other directors of
// connections: sync.go decides which to start and stop, syncset.go does it.
//
// Goroutines: that of Run, whose caller owns it, and one for a look at the kernel, which
// Run starts and waits for.
//
// The package must never
//   - remove or change a service that it did not put there, unless told to own all;
//   - remove a server or a service where an edit in place would do;
//   - take a failure of IPVS, which may be missing altogether, for one of anything else:
//     it says what it waits for, and goes on trying;
//   - remove what a predecessor left before the first Set;
//   - have the caller of Set wait for the kernel or the disk.
//
// Implemented: the generic netlink family IPVS, as in linux/ip_vs.h.
package ipvs
