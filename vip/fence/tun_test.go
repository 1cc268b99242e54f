package fence

import (
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tun makes an interface without Ethernet headers. The file is its other end.
func (w *wire) tun(name string) *os.File {
	w.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	must(w, err)
	request, err := unix.NewIfreq(name)
	must(w, err)
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	must(w, unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
	file := os.NewFile(uintptr(fd), name)
	w.Cleanup(func() { file.Close() })
	return file
}

// pingPacket is a ping of IPv4.
func pingPacket(from, to netip.Addr) []byte {
	p := ipv4(from, to, func(p []byte) { p[9] = unix.IPPROTO_ICMP })[etherSize:]
	p[20] = 8
	for _, part := range []struct{ b, sum []byte }{{p[:20], p[10:]}, {p[20:], p[22:]}} {
		sum := 0
		for i := 0; i < len(part.b); i += 2 {
			sum += int(binary.BigEndian.Uint16(part.b[i:]))
		}
		binary.BigEndian.PutUint16(part.sum, ^uint16(sum%0xffff))
	}
	return p
}

func TestWithoutEthernet(t *testing.T) {
	w := newWire(t)
	far := netip.MustParseAddr("198.18.9.2")
	file := w.tun("tun0")
	w.address(w.here, "tun0", netip.MustParseAddr("198.18.9.1"))
	b := w.fence()
	w.wantFilters("tun0", "bpf:perch")

	answers := func(a netip.Addr) bool {
		_, err := file.Write(pingPacket(far, a))
		must(t, err)
		must(t, file.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		for buffer := make([]byte, 2000); ; {
			n, err := file.Read(buffer)
			if err != nil {
				return false
			}
			if n >= 20 && slices.Equal(buffer[12:20], slices.Concat(a.AsSlice(), far.AsSlice())) {
				return true
			}
		}
	}
	want := func(vip bool) {
		t.Helper()
		if !answers(theNode4) {
			t.Error("the node does not answer")
		}
		if got := answers(theVIP4); got != vip {
			t.Errorf("the VIP answers: %v, want %v", got, vip)
		}
	}
	want(false)
	must(t, b.Set(bootTime(t)+time.Hour))
	want(true)
	must(t, b.Set(0))
	want(false)
}
