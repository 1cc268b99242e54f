package bgp

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace moves the goroutine of the test into a network namespace of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI must not skip")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread() // the runtime throws the thread away
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// routed returns which of the networks the kernel has a route to, in its main table.
func routed(t *testing.T, list []netip.Prefix) (found []netip.Prefix) {
	t.Helper()
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		addr, _ := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		if p := netip.PrefixFrom(addr.Unmap(), bits); slices.Contains(list, p) {
			found = append(found, p)
		}
	}
	return found
}

// eventually waits until the kernel has routes to so many of the networks.
func eventually(t *testing.T, list []netip.Prefix, want int) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); len(routed(t, list)) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("routes to %v, want %d", routed(t, list), want)
		}
	}
}

func TestPlaceholderGoesWhenItIsClosed(t *testing.T) {
	inNamespace(t)
	list := prefixes("198.18.1.100/32", "198.18.1.101/32", "2001:db8:1::100/128", "2001:db8:1::101/128")
	p, err := newPlaceholder(list, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, list, len(list))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, list, 0)
}

// The kernel takes the routes away also if the process does nothing more.
func TestPlaceholderGoesByItself(t *testing.T) {
	inNamespace(t)
	list := prefixes("198.18.1.100/32", "2001:db8:1::100/128")
	p, err := newPlaceholder(list, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, list, len(list))
	eventually(t, list, 0)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// The networks are not addresses of this host: it answers for none of them.
func TestPlaceholderHasNoneOfTheAddresses(t *testing.T) {
	inNamespace(t)
	list := prefixes("198.18.1.100/32", "2001:db8:1::100/128")
	p, err := newPlaceholder(list, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		addr, _ := netip.AddrFromSlice(a.IP)
		if slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Addr() == addr.Unmap() }) {
			t.Errorf("%s is an address of this host", addr)
		}
	}
}

// Two moves within a second: each placeholder has routes of its own to the networks.
func TestPlaceholdersSideBySide(t *testing.T) {
	inNamespace(t)
	list := prefixes("198.18.1.100/32", "2001:db8:1::100/128")
	var both []closer
	for range 2 {
		p, err := newPlaceholder(list, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, p)
	}
	eventually(t, list, 2*len(list))
	for left := len(both) - 1; left >= 0; left-- {
		if err := both[left].Close(); err != nil {
			t.Error(err)
		}
		eventually(t, list, left*len(list))
	}
}
