// Package api is how a perch daemon is talked to: the control API on the unix
// socket, for the commands of this binary, and the peer API between the nodes
// of a cluster, over mutual TLS. Both are HTTP with JSON bodies; the types in
// types.go are the contract of `perch status -o json` and its siblings.
//
// Goroutines: none of its own. Serve runs one server until its context ends,
// and net/http starts one goroutine a connection under it.
//
// It must never decide anything: it decodes a request, calls the Backend that
// the daemon gives it, and encodes the answer.
package api
