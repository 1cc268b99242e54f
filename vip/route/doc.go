// Package route holds routes and rules of policy routing: it brings a desired set of
// them into the kernel, puts back what others remove, and takes them out again. They
// move with the master of a virtual router, or stay for as long as perch runs.
//
// Manager.Want is desired state, and never waits. Run compares it with the kernel
// (survey.go and plan.go, pure) and carries out what differs (run.go, kernel.go): routes
// before rules where they come, rules before routes where they go, adds before removes,
// but for a route that takes another's place. What cannot be added yet, as an interface,
// an address or a gateway is missing, is tried again whenever one of these changes, and
// every second; Status says why.
//
// Whatever perch adds carries its protocol number, Protocol. By that a Manager knows
// its own, also those of a predecessor that died, which it takes over or removes:
// there is no ledger, and only one Manager may work in a network namespace. It never
// touches what carries another number. Where somebody else has a route to the same
// destination with the same metric in the same table the kernel refuses a second one,
// and that is what Status says; of rules it takes both.
//
// A router may have a million routes, and listing those of perch, although the kernel
// picks them out (NETLINK_GET_STRICT_CHK), takes it a walk along all of them, on older
// kernels with the lock that whoever adds an address waits for. So they are listed at
// the start, once a minute, and at the end. In between the kernel is asked by adding
// what should be there once more, which it refuses where it is. Notifications of the
// routes of others stay away by a socket filter (watch.go), and while nothing is wanted
// nothing is listened to and nothing listed.
//
// Goroutines: none but those of Run, whose caller owns them. Under it one reads
// netlink notifications, and has ended when Run returns.
//
// Found out only by the listing: a route of perch that somebody replaced
// (NLM_F_REPLACE), and one with perch's number that perch did not add.
package route
