// Package checker looks whether services, processes, interfaces and neighbors are well.
//
// A Checker looks once; there is one file for each kind, and kinds.go maps their names
// to their constructors. A Runner has many of them look time and again. What follows
// from the outcome of one look after the other, and when to look again, is decided by
// machine.go, which is pure. What a verdict is good for is not decided here.
//
// Goroutines: Runner.Run owns the schedule, at most Options.Limit looks at once, and the
// Watch of each Watcher. Host.Run owns what several checks share. A look ends with its
// context, with everything that it started: connections, processes and their children.
// One that the kernel does not let go is left behind at the end.
//
// It must never: let two looks of one check run at once; let a look that hangs keep its
// verdict; hold more of what a server sends than a look needs; run a program through a
// shell; log what a server or a program has said beyond the reason of a verdict.
package checker
