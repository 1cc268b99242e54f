// Package daemon is `perch serve`: the one place where the domain packages
// meet. There are two modes, and a config may have both. In a cluster (member.go) the
// raft group says whether this node may hold the VIPs and until when, policy.go decides
// what follows from that, and package vip carries it out. In VRRP mode (routers.go) the
// engine of package vrrpnet says which virtual routers this node is the master of, and
// their addresses, routes and rules follow (setup.go), each router's under a lease of
// its own in the fence (shield.go).
//
// Behind the VIPs the kernel balances load (balance.go): the balancer decides, for each
// service, which real servers get how much, and package ipvs brings that into the kernel.
// virtualservice.go is what follows from a service of the config, place.go where services
// are, ruling.go what was decided, servicereport.go how that is told: all of them are pure.
// What operators want of real servers is remembered by the cluster, or, on a node without
// one, in a file (orders.go, orderbook.go).
//
// Users are told of what happens (notify.go, routernews.go): bulletin.go, which is pure, says
// what is news of virtual routers and sync groups.
//
// Where VIPs are announced by BGP, the herald tells package bgp which this node holds
// (herald.go): nothing waits for it. Anycast VIPs have no owner, and follow the health of
// this node alone (anycast.go).
//
// Goroutines, all under one errgroup of Run and gone when it returns: the fence's
// audit, the servers of the control API and of metrics and the dashboard (metrics.go,
// dashboard.go), what waits for the peers that the latter asks (correspondence.go), the reloader (SIGHUP),
// systemd's watchdog, and for a moment the one that tells it of the start. Of a cluster's
// member: the node, the VIP manager, the holder (the only one that sets VIPs in the normal course) and what
// keeps the fence open meanwhile, the scribe (writes ownership into the history), the
// mover (hands over from a node that leads but may not own), the overseer (hands over
// from one that is sick, and to a better one), the teller of this node's health with one
// for each peer, the server of the peer API. Of the checks: their host, their runner, and
// what has everything follow their verdicts. Of VRRP mode: the engine, its VIP
// manager, the manager of routes, what has all of them follow the engine, what tries again
// and mends, two that watch the interfaces, and one that begins when these are known. Of
// BGP: the speaker, and with anycast VIPs their VIP manager and what has them follow the
// health. Of IPVS: the balancer (the only one that decides on services), what
// wakes it when orders or VIPs move, the checks of servers as those of the node, the tuner
// of sysctls, and three that end after the balancer: the manager of services, the syncer
// (starts and stops the kernel's sync daemons) and the notifier (package notify), which waits
// for who gives up the addresses, too. Beside them the writer of the log, which
// ends last, and at the end a hand-over, which is left behind when it takes too long. Before
// all of them, and after, one that runs a program of the node.
//
// It must never: hold a VIP that the last evaluation of ownership did not
// allow; wait for the disk, a peer or a log line between losing ownership and
// releasing; apply half a config; end without having released; do anything on the
// thread of the adverts. What balances load must never have any of this wait for it, nor
// the balancer for the kernel, the disk, a program or whoever asks for a status; and it
// must not end the daemon, whatever the kernel's IPVS does.
package daemon
