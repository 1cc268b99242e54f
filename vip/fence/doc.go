// Package fence keeps this host from answering for a VIP beyond the lease under
// which it may hold it, also when the process that holds it is frozen, hung or dead:
// the kernel is told of the lease's end and drops the VIP's packets after it.
//
// A Fence is shut when it is made. Protect names the VIPs, Open lets the host answer
// for them until a moment of CLOCK_BOOTTIME, Shut ends that at once. While it is
// shut, or the moment has passed, nothing leaves that answers for a VIP: no ARP or
// neighbor advertisement for it, no IP packet from it, no announcement of our own;
// and nothing that asks for it or is sent to it comes in. What a standby needs passes:
// it may be a client of the VIP, and hears its owner's announcements.
//
// That is one lease for all VIPs of the cluster. Each virtual router has a Lease of its
// own, from NewLease, with other VIPs and with virtual MACs: nothing but adverts leaves
// from these while it is shut or over. A packet that is about two VIPs needs both leases.
//
// How the kernel does it is a mechanism (mechanism.go), whose files bpf.go and
// nftables.go say what they are made of:
//   - bpf: programs at tc ingress and egress of every interface compare the clock
//     with an absolute end of the lease. A freeze at any point cannot open them. This is
//     the one mechanism that enforces a Lease, see StrictLeases.
//   - nftables: a set element with a timeout. The timeout is relative, so that a
//     freeze just before it is sent can open the fence for a moment after a thaw, and
//     does not run while the machine is suspended. It ends 3 ms early, and up to two
//     kernel ticks more. Who flushes the ruleset opens the fence until it is mended,
//     some milliseconds later; a frozen process mends nothing.
//   - lifetime, off: no mechanism. The addresses' own lifetime ends them, seconds
//     later, or nothing does.
//
// Goroutines: one from New to Close, by which a second perch knows of this one; and
// those of Run, gone when it returns. It audits the mechanism once a
// second and whenever the mechanism notices a change: others use tc and nftables too.
//
// It must never: open for longer than it was told; open after a Shut on the strength
// of what was known before it (see Epoch); delete or reorder what others installed;
// wait for anything but the kernel in Open and Shut. Open and Shut of bpf and of a Lease
// are a store to memory: no system call, no allocation. Those of a Lease take no lock:
// they are for the thread that sends adverts.
package fence
