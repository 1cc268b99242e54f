package e2e

import (
	wire "encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// takingWitness notes what a host does while it takes addresses: when its kernel tells of each,
// when each is announced on eth0, and when the host speaks to its peers.
type takingWitness struct {
	host  *lab.Host
	fds   []int
	ended sync.WaitGroup
	stop  atomic.Bool

	mu        sync.Mutex
	added     map[netip.Addr]time.Time   // when the monitor read of it
	announced map[netip.Addr]time.Time   // of the first frame, by the kernel's stamp
	spoken    map[netip.Addr][]time.Time // TCP with a payload to each peer's port 7400, or from the own
}

// witness begins to watch. It is to be closed.
func witness(tb testing.TB, h *lab.Host) *takingWitness {
	tb.Helper()
	w := &takingWitness{
		host: h, added: map[netip.Addr]time.Time{}, announced: map[netip.Addr]time.Time{}, spoken: map[netip.Addr][]time.Time{},
	}
	must(tb, h.Do(func() error {
		monitor, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		w.fds = append(w.fds, monitor)
		frames, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		w.fds = append(w.fds, frames)
		eth0, err := net.InterfaceByName(h.Eth0.Interface)
		if err != nil {
			return err
		}
		groups := uint32(1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1))
		err = errors.Join(
			unix.Bind(monitor, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}),
			unix.SetsockoptInt(frames, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.Bind(frames, &unix.SockaddrLinklayer{Protocol: nl.Swap16(unix.ETH_P_ALL), Ifindex: eth0.Index}),
		)
		for _, fd := range w.fds {
			err = errors.Join(err,
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
				unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
		}
		return err
	}))
	w.ended.Go(func() { w.read(w.fds[0], w.monitored) })
	w.ended.Go(func() { w.read(w.fds[1], w.captured) })
	tb.Cleanup(w.close)
	return w
}

func (w *takingWitness) close() {
	if w.stop.Swap(true) {
		return
	}
	w.ended.Wait()
	for _, fd := range w.fds {
		unix.Close(fd)
	}
}

// read hands over what comes to a socket until the witness is closed.
func (w *takingWitness) read(fd int, note func(b []byte, at time.Time)) {
	b, meta := make([]byte, 64<<10), make([]byte, 256)
	for !w.stop.Load() {
		n, nmeta, _, _, err := unix.Recvmsg(fd, b, meta, 0)
		if err != nil {
			continue // the time is over in which nothing came; what was lost is missed by enough
		}
		at := time.Now()
		if list, err := unix.ParseSocketControlMessage(meta[:nmeta]); err == nil {
			for _, c := range list {
				if c.Header.Level == unix.SOL_SOCKET && c.Header.Type == unix.SCM_TIMESTAMPNS && len(c.Data) >= 16 {
					at = time.Unix(int64(wire.NativeEndian.Uint64(c.Data)), int64(wire.NativeEndian.Uint64(c.Data[8:])))
				}
			}
		}
		w.mu.Lock()
		note(b[:n], at)
		w.mu.Unlock()
	}
}

// monitored notes addresses that were added.
func (w *takingWitness) monitored(b []byte, at time.Time) {
	for len(b) >= unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg {
		size := int(wire.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		if wire.NativeEndian.Uint16(b[4:]) == unix.RTM_NEWADDR {
			attributes, err := nl.ParseRouteAttr(b[unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg : size])
			for _, a := range attributes {
				addr, ok := netip.AddrFromSlice(a.Value)
				if _, again := w.added[addr]; err == nil && ok && a.Attr.Type == unix.IFA_ADDRESS && !again {
					w.added[addr] = at
				}
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
}

// captured notes frames that the host sends.
func (w *takingWitness) captured(b []byte, at time.Time) {
	const ether = 14
	if len(b) < ether+28 || !slices.Equal(b[6:12], w.host.Eth0.MAC[:]) {
		return
	}
	var addr netip.Addr
	switch kind := wire.BigEndian.Uint16(b[12:]); {
	case kind == unix.ETH_P_ARP:
		addr = netip.AddrFrom4([4]byte(b[ether+14:]))
	case kind == unix.ETH_P_IPV6 && len(b) >= ether+64 && b[ether+6] == unix.IPPROTO_ICMPV6 && b[ether+40] == 136:
		addr = netip.AddrFrom16([16]byte(b[ether+48:]))
	case kind == unix.ETH_P_IP && b[ether+9] == unix.IPPROTO_TCP:
		w.tcp(b[ether:], at)
		return
	}
	if _, again := w.announced[addr]; addr.IsValid() && !again {
		w.announced[addr] = at
	}
}

// tcp notes packets between nodes that carry something.
func (w *takingWitness) tcp(b []byte, at time.Time) {
	const port = 7400
	header := int(b[0]&15) * 4
	if len(b) < header+20 || wire.BigEndian.Uint16(b[header+2:]) != port {
		return
	}
	if int(wire.BigEndian.Uint16(b[2:])) > header+int(b[header+12]>>4)*4 {
		to := netip.AddrFrom4([4]byte(b[16:]))
		w.spoken[to] = append(w.spoken[to], at)
	}
}

// taking is what came of a take-over.
type taking struct {
	first, last time.Duration   // first and last first announcement, after the first address was added
	delays      []time.Duration // between an address and its announcement
	span        time.Duration   // first to last address
	silence     time.Duration   // the longest between two words to a peer meanwhile
	lapses      int             // leases of the successor that ended while it held the VIPs, up to the last announcement
}

// taken waits until all are added and announced, and returns false if that does not come.
func (w *takingWitness) taken(vips []netip.Addr, within time.Duration) (taking, bool) {
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		if t, ok := w.result(vips); ok || time.Now().After(deadline) {
			return t, ok
		}
	}
}

func (w *takingWitness) result(vips []netip.Addr) (t taking, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.added) < len(vips) || len(w.announced) < len(vips) {
		return taking{}, false
	}
	var added, announced []time.Time
	for _, v := range vips {
		at, is := w.added[v]
		said, was := w.announced[v]
		if !is || !was {
			return taking{}, false
		}
		added, announced = append(added, at), append(announced, said)
		t.delays = append(t.delays, max(0, said.Sub(at)))
	}
	begin, end := slices.MinFunc(added, time.Time.Compare), slices.MaxFunc(announced, time.Time.Compare)
	t.first = max(0, slices.MinFunc(announced, time.Time.Compare).Sub(begin))
	t.last = end.Sub(begin)
	t.span = slices.MaxFunc(added, time.Time.Compare).Sub(begin)
	for _, times := range w.spoken {
		t.silence = max(t.silence, longestSilence(times, begin, end))
	}
	return t, true
}

// longestSilence is the longest time between two of times, as far as it is between begin and
// end. Whoever says nothing in it is not there: one that was killed.
func longestSilence(times []time.Time, begin, end time.Time) (longest time.Duration) {
	for i := 1; i < len(times); i++ {
		if times[i].After(begin) && times[i-1].Before(end) {
			longest = max(longest, times[i].Sub(times[i-1]))
		}
	}
	return longest
}

func TestLongestSilence(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(ms ...int) (list []time.Time) {
		for _, m := range ms {
			list = append(list, begin.Add(time.Duration(m)*time.Millisecond))
		}
		return list
	}
	for name, c := range map[string]struct {
		times []time.Time
		want  time.Duration
	}{
		"nobody":        {nil, 0},
		"in between":    {at(-10, 20, 70, 90, 120), 50 * time.Millisecond},
		"across begin":  {at(-60, 10, 40, 90), 70 * time.Millisecond},
		"across end":    {at(10, 50, 180), 130 * time.Millisecond},
		"before, after": {at(-500, -10, 10, 99, 110, 900), 89 * time.Millisecond},
	} {
		if got := longestSilence(c.times, begin, begin.Add(100*time.Millisecond)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
