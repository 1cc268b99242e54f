// Command perch keeps virtual IP addresses alive on a set of Linux nodes: the
// daemon (serve), what prepares it (init, import, check, doctor), and what asks and steers it
// through the control socket. docs/cli.md describes every command.
//
// Each command is one file with a constructor and a struct of its options.
// What is printed is made by pure functions (render.go, table.go), so that it
// can be compared with golden files.
//
// Goroutines: none of its own.
//
// It must never do the daemon's work: a command other than serve, init, demo, recover
// and import with --write-secrets changes nothing but by asking the daemon.
package main
