// Package balance has tests of IPVS with real packets. Few kernels of test machines have
// IPVS: TestKernelBalance of the end-to-end tests runs these, which have the build tag
// ipvs, in a kernel that does, all in one boot.
//
// A bed is a client, two directors, three web servers (real nginx) and a witness, each a
// host of a lab, on one switch. All modes of forwarding work in it at once, as each has a
// VIP of its own for each family: see mode.
//
// Nodes are behind the bpf fence. In a test whose server is a node, which the fence would
// keep from answering, there is none.
//
// Nothing there is configured by the bed but hosts: what is in IPVS, and who holds a VIP,
// is up to the test. Those named TestBalance use ipvsadm(8) and director.hold, which shows
// what the kernel does by itself. In those named TestPerch perch balances, by its config:
// on both directors as a cluster (balancers), or on its own (alone).
package balance
