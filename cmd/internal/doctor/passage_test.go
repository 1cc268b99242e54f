package doctor

import (
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A packet as large as the interface here gets through, unless the other end is smaller; who
// answers nothing at all tells nothing.
func TestTryPassage(t *testing.T) {
	inNamespace(t)
	there, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(there)
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	here, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(here)
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0", MTU: 9000}, PeerName: "eth0", PeerNamespace: netlink.NsFd(there)}))
	must(t, unix.Setns(there, unix.CLONE_NEWNET))
	run(t, "ip link set eth0 mtu 1500 up && ip addr add 198.18.0.2/24 dev eth0 && ip addr add 2001:db8::2/64 dev eth0 nodad")
	must(t, unix.Setns(here, unix.CLONE_NEWNET))
	run(t, "ip link set eth0 mtu 9000 up && ip addr add 198.18.0.1/24 dev eth0 && ip addr add 2001:db8::1/64 dev eth0 nodad")
	for _, c := range []struct {
		to   string
		size int
		want Passage
	}{
		{"198.18.0.2", 1500, PassageOpen},
		{"198.18.0.2", 9000, PassageShut},
		{"2001:db8::2", 1500, PassageOpen},
		{"2001:db8::2", 9000, PassageShut},
		{"198.18.0.3", 1500, PassageUnknown},
	} {
		if got := tryPassage(t.Context(), netip.MustParseAddr(c.to), c.size); got != c.want {
			t.Errorf("%d bytes to %s: %v, want %v", c.size, c.to, got, c.want)
		}
	}
}
