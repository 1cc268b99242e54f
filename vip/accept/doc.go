// Package accept keeps this node from taking what is sent to virtual addresses that are
// there to be routed by, and no more: those of a router that does not own them and has no
// Accept_Mode (RFC 9568 section 6.1). ARP and neighbor discovery pass, so that the
// addresses are found; nothing else comes in for them or leaves from them.
//
// It does so by an nftables table of its own, perch_accept, that is replaced as a whole in
// one transaction. The table says nothing of who is the master: on a node that does not
// have an address there is nothing that it could drop. What a dead process has left is
// replaced by the first Set of the next one.
//
// Goroutines: none. A Filter is not safe for concurrent use, and works in the network
// namespace of the calling thread.
//
// The package must never touch a table of another name, nor drop what is forwarded.
package accept
