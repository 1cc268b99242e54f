// Package cluster is the hashicorp/raft group whose leader owns the VIPs: the
// nodes of a static peer list, their log on disk, mutual TLS between them, and
// the lease that says until when a leader may hold.
//
// Ownership is a value with an end. Raft alone promises nothing in time, so a
// leader holds only while a majority has acknowledged requests that it *sent*
// recently enough (lease.go); it is asked anew with Ownership and changes are
// signalled on Changed. Nothing here touches an address: the daemon does, and
// gives a Release function that this package calls before leadership is given
// away and when the disk fails.
//
// Goroutines, all owned by Node.Run and gone when it returns: raft's own, the
// accept loop of the cluster port and one handshake a connection, the watcher
// of raft's leadership channel, the waker that shortens detection (wake.go), and
// one for each connection that is kept warm (warm.go).
// A transfer, a claim or a drain runs in its caller's goroutine, and a raft
// future that outlives its limit is left to a goroutine that ends with raft.
//
// On disk are raft's log (raft.db), its term and vote (ballot) and snapshots.
//
// It must never: wait on a raft future without a limit; parse anything from a
// connection before its TLS handshake has named a peer of this cluster; use
// the wall clock for ownership (it uses CLOCK_BOOTTIME, which goes on during
// suspend); let a write error of the disk become a panic while VIPs are held.
package cluster
