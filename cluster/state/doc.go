// Package state is what a cluster remembers: which nodes are drained, who owns
// the VIPs, how ownership moved in the past, and what operators want of real servers.
// It is the replicated state machine behind the raft log. A node without a cluster keeps
// its own, of which there are the orders for real servers alone.
//
// It is pure: no I/O, no goroutine, no clock and no log. Time comes in with the
// command, so that every node that applies the same log has the same state.
// Package cluster serialises all calls; a State is not safe for concurrent use.
//
// It must never fail half way: a command either changes the state whole or
// returns an error and changes nothing.
package state
