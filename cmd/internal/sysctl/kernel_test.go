package sysctl

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace moves the test to a network namespace of its own, with interfaces a and b.
func inNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "a"}, PeerName: "b"}))
}

// The kernel itself changes more than what is written: all of it is put back.
func TestKeeperInTheKernel(t *testing.T) {
	inNamespace(t)
	f := &tree{t: t, root: Root, file: filepath.Join(t.TempDir(), "sysctls.json")}
	const redirects = "net/ipv4/conf/all/accept_redirects"
	before := map[string]int{
		forward4: 0, redirects: 0, "net/ipv4/conf/default/forwarding": 0,
		"net/ipv4/conf/a/forwarding": 0, "net/ipv4/conf/b/forwarding": 1,
		forward6: 0, "net/ipv6/conf/default/forwarding": 0,
		"net/ipv6/conf/a/forwarding": 1, "net/ipv6/conf/b/forwarding": 0,
	}
	for _, name := range []string{forward4, forward6} { // first: they change the others
		must(t, write(Root, Setting{name, 0}))
	}
	for name, value := range before {
		if name != forward4 && name != forward6 {
			must(t, write(Root, Setting{name, value}))
		}
	}
	k := NewKeeper(f.file, slog.New(slog.DiscardHandler))
	must(t, k.Set([]Setting{{forward4, 1}, {forward6, 1}}))
	for name := range before {
		if name != redirects {
			f.is(name, 1)
		}
	}
	f.leftFile(true)
	k = NewKeeper(f.file, slog.New(slog.DiscardHandler)) // after a SIGKILL
	must(t, k.Restore())
	for name, value := range before {
		f.is(name, value)
	}
	f.leftFile(false)
}

// A record of another network namespace is of no use in this one.
func TestKeeperInAnotherNamespace(t *testing.T) {
	inNamespace(t)
	f := &tree{t: t, root: Root, file: filepath.Join(t.TempDir(), "sysctls.json")}
	must(t, write(Root, Setting{forward4, 0}))
	must(t, NewKeeper(f.file, slog.New(slog.DiscardHandler)).Set([]Setting{{forward4, 1}}))
	inNamespace(t)
	must(t, write(Root, Setting{forward4, 1}))
	must(t, NewKeeper(f.file, slog.New(slog.DiscardHandler)).Restore())
	f.is(forward4, 1)
}
