// Package checker looks whether services, processes, interfaces and neighbors are well.
//
// A Checker looks once; each kind has a file of its name, tls.go and so on, and kinds.go maps
// the names to the constructors. A Runner has many of them look time and again: runner.go is
// what it has to do, run.go and watch.go do it, stall.go notices that it could not. What
// follows from the outcome of one look after the other, and when to look again, is decided
// by machine.go, which is pure. What a verdict is good for is not decided here.
//
// How an error reads is in explain.go, for TLS in tlsreason.go and for HTTP in httpreason.go;
// a reason is always one short line of what can be printed (reason.go).
//
// Goroutines: Runner.Run plans, and starts one for each look, at most Options.Limit at once,
// and one for the Watch of each Watcher. Host.Run has what several checks share: one reads
// what the kernel tells of interfaces (links.go), one each waits for changes in folders
// (folders.go), for the end of processes (deaths.go) and for new ones (births.go), and one
// has the connection to the system bus with another that reads from it (bus.go, dbus_conn.go).
// What a Program leaves running and lets write to its output has one, as long as it does.
// A look may have more of its own, such as for the output of a script. It ends with its
// context, with everything that it started: connections, processes and their children.
// One that the kernel does not let go is left behind at the end.
//
// It must never: let two looks of one check run at once; let a look that hangs keep its
// verdict; hold more of what a server sends than a look needs; run a program through a
// shell; log what a server or a program has said beyond the reason of a verdict.
package checker
