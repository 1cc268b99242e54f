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
// what is news of virtual routers and sync groups. Converge hooks follow what this node owns at
// the moment (converge.go): the lease must run.
//
// What happens is recorded (package events): by who does it (chronicle.go, attempts.go,
// unheard.go; crew.go for a part that fails), or by the lookout,
// which looks at how things are and tells what is different (lookout.go, sights.go, arrival.go; scene.go is
// pure). Recording takes a mutex for a moment, and waits for nobody.
//
// Where VIPs are announced by BGP, the herald tells package bgp which this node holds
// (herald.go): nothing waits for it. Anycast VIPs have no owner, and follow the health of
// this node alone (anycast.go).
//
// Goroutines, all under one errgroup of Run and gone when it returns: the fence's audit, the
// servers of the control API and of metrics and the dashboard (metrics.go, dashboard.go; a look at
// the virtual routers for them is a goroutine of its own, one at a time for scrapes and one for
// probes), the reloader (SIGHUP), the lookout, what looks for warnings (it asks the peers), what
// waits for the peers that the dashboard asks (correspondence.go), for a moment the one that tells
// systemd of the start, and as process 1 of a container the one that waits for orphans. Of a
// cluster's member: the node, the VIP manager, the holder (the only one that sets VIPs in the
// normal course) and what keeps the fence open meanwhile, the scribe (writes ownership into the
// history), the mover (hands over from a node that leads but may not own), the overseer (hands over
// from one that is sick, and to a better one), the keeper of the clock (package clock, which
// nothing waits for), the teller of this node's health with one for each peer, the server of the
// peer API. Of the checks: their host, their runner, and what has everything follow their verdicts.
// Of VRRP mode: the engine, its VIP manager, the manager of routes, what has all of them follow the
// engine, what tries again and mends, two that watch the interfaces, and one that begins when these
// are known. Of BGP: the speaker, and with anycast VIPs their VIP manager and what has them follow
// the health. Of IPVS: the balancer (the only one that decides on services), what wakes it when
// orders or VIPs move, the checks of servers as those of the node, the tuner of sysctls, and four
// that end after the balancer: the manager of services, the syncer (starts and stops the kernel's
// sync daemons), and the converger and the notifier (package notify), which wait for who gives up
// the addresses, too. Beside them the writer of the log, which ends last, and at the end a
// hand-over, which is left behind when it takes too long. Before all of them, and after, one that
// runs a program of the node.
//
// Beside that errgroup are who runs the parts (supervised), the supervisor, which has a thread
// of its own, what feeds systemd's watchdog, and what keeps its status line.
//
// The supervisor (supervisor.go; beat.go, which is pure, says who is silent) ends a daemon of which
// a part is at one thing for 2 s: this node says nothing more as a leader, so that another one is
// elected meanwhile, the fence is shut, the VIPs are released, goroutines are logged, and Run
// returns an error without waiting for anything that hangs. It watches the holder, the VIP
// managers, the loop of the VRRP engine, what follows that, and the runner of the node's
// checks: all of these work in memory and in the kernel's network only. Not watched, since each may
// rightly wait and none of them keeps a VIP where it should not be: raft's main loop, which waits
// for its disk (package cluster has the leader let go within a heartbeat, and a process could not
// end while the disk hangs); the balancer and the manager of services, which wait for the kernel's
// IPVS; the notifier, the scribe, the mover and the overseer, which wait for programs, disks and
// peers, each with a limit; the writer of the log, whose reader may stop; the control API, whose
// requests wait for all of these; and what extends leases beside the holder, since a lease that is
// not extended ends by itself. The time in which a thread of the process waits for a processor, for
// memory, or in the kernel for a disk or a lock, counts a tenth (turns.go) once a part has been
// silent for 1.2 s: a busy machine, a processor quota, swapping and somebody who holds the kernel's
// lock of interfaces are no part's silence, and an end would serve nobody then: who waits in the
// kernel cannot release or end, and a new process would wait for the same. What hangs in such a
// time is found within 20 s, the fence ending the lease as ever. A process that stands still as a
// whole is for the kernel's fence to darken. The same beats feed systemd's watchdog, which is for a
// supervisor that hangs itself.
//
// It must never: hold a VIP that the last evaluation of ownership did not
// allow; wait for the disk, a peer or a log line between losing ownership and
// releasing; apply half a config; end without having released; do anything on the
// thread of the adverts. What balances load must never have any of this wait for it, nor
// the balancer for the kernel, the disk, a program or whoever asks for a status; and it
// must not end the daemon, whatever the kernel's IPVS does.
package daemon
