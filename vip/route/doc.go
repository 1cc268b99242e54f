// Package route holds routes and rules of policy routing: it brings a desired set of
// them into the kernel, puts back what others remove, and takes them out again. They
// move with the master of a virtual router, or stay for as long as perch runs.
//
// Manager.Want is desired state, and never waits. Run compares it with the kernel
// (plan.go, pure) and carries out what differs (run.go, kernel.go): routes before
// rules where they come, rules before routes where they go. What cannot be added yet,
// as an interface, an address or a gateway is missing, is tried again whenever one of
// these changes, and every second; Status says why.
//
// Whatever perch adds carries its protocol number, Protocol. By that a Manager knows
// its own, also those of a predecessor that died, which it takes over or removes:
// there is no ledger, and only one Manager may work in a network namespace. It never
// touches what carries another number. Where somebody else has a route to the same
// destination with the same metric in the same table, or the same rule, the kernel
// refuses a second one, and that is what Status says.
//
// Looks at the kernel are cheap also where it has a million routes: it picks those of
// perch out itself (NETLINK_GET_STRICT_CHK), and a socket filter keeps the
// notifications of other routes away (watch.go). After each look there is a pause of
// ten times as long. While nothing is wanted nothing is listened to.
//
// Goroutines: none but those of Run, whose caller owns them. Under it one reads
// netlink notifications, and has ended when Run returns.
//
// Not noticed before the next look, which comes once a minute at least: a route that
// somebody replaces (NLM_F_REPLACE), for which the kernel tells only of the new one.
package route
