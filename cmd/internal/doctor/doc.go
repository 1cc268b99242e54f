// Package doctor says what of this host would stop perch from doing what its config
// says, and how to mend it.
//
// Survey is the shell: it reads the facts of the host, in the network namespace of the
// calling thread, without changing anything, not even by making the kernel load a module,
// as asking for its generic netlink family by name would. It needs no rights; what it may
// not see it leaves out. Try adds what depends on a config. Examine is pure: from a config
// and facts to findings. Settings, pure as well, returns the sysctls that perch sets
// itself where ipvs.manage_sysctls says so.
//
// It knows of what IPVS needs (modules.go, needs.go, realserver.go), and whether the
// interfaces, programs, network namespace and nftables are there (interfaces.go, programs.go,
// namespace.go, tables.go), and bgpd can be spoken to (bgpd.go). Of the kernel's sysctls
// see its documentation, networking/ipvs-sysctl and networking/ip-sysctl.
package doctor
