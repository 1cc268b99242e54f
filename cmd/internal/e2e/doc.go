// Package e2e has nothing but the end-to-end tests: the real binary, built once,
// in real networks of namespaces (package lab). They need root, for some faults
// nft(8), for VRRP keepalived, FRR, tcpdump and tshark, for BGP FRR, for checks HAProxy and nginx, for clocks chrony, and
// for kernels user-mode-linux, kmod, gcc and ipvsadm (`make deps`). Without them they skip;
// with CI set a skip is a failure.
//
// A case starts a cluster of its own, does one thing to it and says what must be
// so afterwards:
//
//	func TestLinkCut(t *testing.T) {
//		t.Parallel()
//		c := startCluster(t)
//		c.neverTwoOwners()
//		old := c.owner()
//		c.must(old.Host.Eth0.Cut())
//		c.movedFrom(old)
//	}
//
// The cases of VRRP (TestVRRP...) put perch on one segment with real keepalived and FRR,
// or with itself. They describe a virtual router once, for whatever runs it, and all that
// was said is read by tshark at the end, field by field:
//
//	func TestVRRPStop(t *testing.T) {
//		t.Parallel()
//		s := newSegment(t, running(perch, newVirtual(200, ipv6)), running(keepalived, newVirtual(100, ipv6)))
//		high, low := s.members[0], s.members[1]
//		s.start(high, low)
//		s.masterIs(high)
//		s.stop(high)
//		s.masterIs(low)
//	}
//
// The cases of checks (TestCheck...) have an HAProxy or an nginx on each node, and a client
// that asks it by the VIP each 5 ms:
//
//	func TestCheckBestHealthyNode(t *testing.T) {
//		t.Parallel()
//		s := serve(t, lab.NewHAProxy, byHTTP)
//		old := s.owner()
//		s.must(stop(s.services[old]))
//		s.leaves(old)
//	}
//
// One of them, TestCheckEachKind, has a lobby of small servers instead, one for each kind of
// check.
//
// The cases of BGP (TestBGP...) have nodes that share no segment, each with zebra and bgpd
// of a real FRR, and a router with another one. Its kernel tells of each change of its
// routes, and that is what they judge by:
//
//	func TestBGPTransfer(t *testing.T) {
//		t.Parallel()
//		r := startRouted(t, steadily)
//		old, now := r.settled(), time.Now()
//		r.handOver(old, askedFor, func() { r.perch(old, "transfer") })
//		r.neverBroken(now)
//	}
//
// The cases of clocks (TestClock...) have a real chronyd beside each node, which serves time and
// never sets it, and ask it whom it follows.
//
// The cases of kernels (TestKernel...) run the tests of another package in a User-mode
// Linux, for what the kernel of a test machine may lack.
//
// Everything that waits has a limit. A case that fails shows the status and the
// end of the log of every node.
package e2e
