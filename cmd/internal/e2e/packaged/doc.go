// Package packaged has tests of the packages that `make package` makes, on a system with
// dpkg, rpm and systemd that is theirs alone: TestKernelPackages of the end-to-end tests runs
// these, which have the build tag systemd, in a kernel of its own, all in one boot.
//
// The unit that a package installs is lb1 of a cluster, whose other nodes are plain
// processes. It gets into lb1's network namespace by the package's own drop-in.
package packaged
