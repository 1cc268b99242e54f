// Package state is what a cluster remembers: which nodes are drained, who owns
// the VIPs, and how ownership moved in the past. It is the replicated state
// machine behind the raft log and nothing else.
//
// It is pure: no I/O, no goroutine, no clock and no log. Time comes in with the
// command, so that every node that applies the same log has the same state.
// Package cluster serialises all calls; a State is not safe for concurrent use.
//
// It must never fail half way: a command either changes the state whole or
// returns an error and changes nothing.
package state
