// Package lab builds networks of namespaces on this machine and runs perch
// clusters in them. `perch demo` and the end-to-end tests stand on it.
//
// A [Lab] has switches and hosts. A [Switch] is a namespace with a bridge in
// it; a [Host] is a namespace with one interface for each switch it is joined
// to. Host N on switch K has 198.18.K.N/24 and 2001:db8:0:K::N/64. A [Link] is
// the cable between the two, and the place where faults of the network are
// made. A [Cluster] is a perch cluster on some hosts of a lab. A [Daemon] is anything
// else that runs on one, as a real keepalived or FRR; a [Service] is an HAProxy or an nginx
// that can be broken in many ways. A [Capture] has what a whole segment said, a [Tally] how many
// adverts a host sends, and a [Timing] when.
//
// A [Fabric] is another network: its nodes share no segment, and tell a router by BGP what
// is to be reached by them. Its judge is the routing table in the router's kernel, of which
// [Routes] writes down each change.
//
// [BootKernel] is apart from all that: it runs one [Job] in a kernel of its own, for what
// the kernel of this machine may lack.
//
// Nothing of a lab has a name on the host: each namespace is held by one
// locked OS thread of this process and by a file descriptor, processes are
// started from those threads and die with them (Pdeathsig), and mounts are made
// in namespaces of their own. So a lab vanishes with its process, however that
// ends; only a cluster's files stay when it is killed.
//
// Long-lived goroutines:
//   - one for each namespace, on its locked thread, from New, AddSwitch or
//     AddHost until Lab.Close;
//   - one for each process, which waits for it, from Host.Start or Lab.Capture until it
//     ended;
//   - two for each [Pinger], from Host.Ping until Pinger.Close;
//   - one for each [Requester], and one for each request under way, from Host.Request
//     until Requester.Close;
//   - two for each [Observer], from Host.Observe until Observer.Close;
//   - three for each [Routes], from Host.WatchRoutes until Routes.Close;
//   - one for each [Watch], from Lab.Watch until Watch.Close;
//   - one for each BootKernel, until it returns.
//
// Lab.Close ends all of them and waits for them.
//
// It must never touch the network, the mounts or the files of the host outside
// of a cluster's or a daemon's folder, and needs neither ip(8) nor any other tool; only
// Link.Mute and Link.Deafen call nft(8), an [Image] the tools of its file system, a
// [Capture] tcpdump(8) and tshark(1), and BootKernel linux.uml(1).
package lab
