// Package e2e has nothing but the end-to-end tests: the real binary, built once,
// in real networks of namespaces (package lab). They need root, and for some
// faults nft(8). Without them they skip; with CI set a skip is a failure.
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
// Everything that waits has a limit. A case that fails shows the status and the
// end of the log of every node.
package e2e
