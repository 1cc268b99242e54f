// Package demo is `perch demo`: a cluster of three nodes in namespaces of this
// machine, moved, killed, cut off and healed before the user's eyes, with what
// a client sees of it measured by a ping each millisecond.
//
// It shows what it measured and nothing else: every figure and every owner comes
// from the network (echo replies, ARP, neighbour discovery) or from the kernels
// of the nodes, none from what perch says of itself.
//
// Goroutines: those of package lab, all gone when Run returns.
//
// It must never leave anything behind, whatever ends it, save its folder of logs
// when it is killed; and never need more than this binary, root and a kernel.
package demo
