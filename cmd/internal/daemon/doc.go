// Package daemon is `perch serve`: the one place where the domain packages
// meet. The cluster says whether this node may hold and until when, policy.go
// decides what follows from that, and package vip carries it out.
//
// Goroutines, all under one errgroup of Run and gone when it returns: the
// cluster node, the VIP manager, the holder (the only one that sets VIPs in the
// normal course) and what keeps the fence open meanwhile, the fence's audit, the
// scribe (writes ownership into the history), the mover (hands over from a node that
// leads but may not own), the preempter (hands over to a better node), the servers of
// the control and the peer API, the reloader (SIGHUP), systemd's watchdog, and for a
// moment the one that tells it of the start. Beside them the writer of the log, which
// ends last, and at the end a hand-over, which is left behind when it takes too long.
//
// It must never: hold a VIP that the last evaluation of ownership did not
// allow; wait for the disk, a peer or a log line between losing ownership and
// releasing; apply half a config; end without having released.
package daemon
