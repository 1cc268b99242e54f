// Package cluster is the hashicorp/raft group whose leader owns the VIPs: the
// nodes of a static peer list, their log on disk, mutual TLS between them, and
// the lease that says until when a leader may hold.
//
// Ownership is a value with an end. Raft alone promises nothing in time, so a
// voter's answer to its leader is also a grant: for a while it takes nobody else
// for the owner (grants.go), and so is its vote in a hand-over (votes.go). A leader
// holds only while grants of a majority run, each counted from when the request for
// it was *sent* (lease.go). Ownership is asked anew and changes are signalled on Changed. Nothing here touches an
// address: the daemon does, and gives a Release function that this package calls
// before anything leaves that lets another node own (relay.go), before leadership
// is given away (transfer.go) and when the disk fails.
//
// The group is founded once all nodes of the list say that they are new (founding.go, callers.go);
// one that comes later, or has lost its data, waits to be admitted (joining.go), and has
// no vote before it is invited (invitation.go); the leader changes the membership
// (membership.go). All ask on a protocol of their own (parley.go).
//
// Goroutines, all owned by Node.Run and gone when it returns: raft's own, the
// accept loop of the cluster port and one handshake a connection, the one that answers
// nodes' questions with one for each, the one that seeks membership (joining.go), the
// watcher of raft's leadership channel, the waker that shortens detection (wake.go), the
// pulse that asks raft's main loop for signs of life (pulse.go), the one that tells
// for how long addresses linger here (linger.go), the one that stands for the next
// term after a hand-over that came to nothing, and the one that takes back its plan
// (transfer.go), the relay between the network and raft with one for each request that
// raft has not answered yet, which stays for further ones (responder.go), and one for each snapshot that comes (relay.go), and one for
// each connection that is kept warm, with one that looks which peers there are (warm.go).
// The one that looks where the files are (store.go) is waited for by nobody.
// A transfer, a claim or a drain runs in its caller's goroutine, and a raft
// future that outlives its limit is left to a goroutine that ends with raft.
//
// What peers send is scanned before the library decodes it (scan.go), and checked
// before it acts on it (vet.go): it panics at what makes no sense.
//
// On disk are raft's log (raft.db), its term and vote (ballot) and snapshots.
//
// It must never: wait on a raft future without a limit; parse anything from a
// connection before its TLS handshake has named a peer of this cluster; use
// the wall clock for ownership (it uses CLOCK_BOOTTIME, which goes on during
// suspend); let a write error of the disk become a panic while VIPs are held.
package cluster
