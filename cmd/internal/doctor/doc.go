// Package doctor says what of this host would stop perch from doing what its config
// says, and how to mend it. docs/doctor.md lists its findings.
//
// Survey is the shell: it reads the facts of the host, in the network namespace of the
// calling thread, without changing anything, not even by making the kernel load a module,
// as asking for its generic netlink family by name would. It needs no rights; what it may
// not see it leaves out. Try adds what depends on a config. Probe adds what takes time or
// other nodes (probe.go): a probe for each, all at once, and each within a limit. What only the
// domain packages know, such as fences, adverts and peers, is done for it by who calls it.
// Examine is pure: from a config and facts to findings. Settings, pure as well, returns the
// sysctls that perch sets itself where ipvs.manage_sysctls says so.
//
// A file is for one topic. Of what IPVS needs are modules.go, needs.go, realserver.go and
// firewall.go; of the host interfaces.go, programs.go, namespace.go, tables.go, bgpd.go, rights.go,
// fencing.go, filters.go (of others' nftables), hostnet.go (sysctls that VIPs go by), keepers.go
// (who else configures interfaces), clock.go, secrets.go, disk.go with disk_try.go, and rivals.go
// with processes.go and sockets.go; of the network peers.go with passage.go, and wire.go with ear.go and
// advert.go. Of the kernel's sysctls see its documentation, networking/ipvs-sysctl and
// networking/ip-sysctl.
//
// Goroutines: those of Probe, one for each probe, for each interface that is listened to and for
// each peer. Those end with it, but for one that hangs in a system call.
package doctor
