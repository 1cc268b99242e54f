package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RangeWatch sees a range of IPv4 addresses move as a neighbour does that knows all of
// them: it pings each address as soon as another host announces it, by way of the host's
// own neighbour cache, and writes down when the answer came from there.
type RangeWatch struct {
	host    *Host
	prefix  netip.Prefix
	echo    int // raw socket, by which the request is sent
	request []byte
	file    *os.File
	raw     syscall.RawConn
	ended   sync.WaitGroup
	close   func() error

	mu        sync.Mutex
	old       MAC
	first     time.Time // frame of another host
	last      time.Time // first frame of another host for an address so far
	announced map[netip.Addr]struct{}
	answered  map[netip.Addr]time.Time
	done      chan struct{} // closed once all have answered; nil before Begin and after Wait
}

// RangeMove is how a range came to another host.
type RangeMove struct {
	First     time.Time                // frame in which it spoke for an address
	Announced time.Time                // first frame for that address which came last
	Answered  map[netip.Addr]time.Time // first answer of each address from there
}

// icmpFilter is ICMP_FILTER of linux/icmp.h. The socket that sends hears nothing.
const icmpFilter = 1

// rangeEchoID tells the echo requests of a RangeWatch from others.
const rangeEchoID = 0x7072

// WatchRange begins to watch a range, until the RangeWatch or the lab is closed.
func (h *Host) WatchRange(prefix netip.Prefix) (*RangeWatch, error) {
	w := &RangeWatch{
		host: h, prefix: prefix, echo: -1, request: appendEcho(nil, true, rangeEchoID, 0),
		announced: map[netip.Addr]struct{}{}, answered: map[netip.Addr]time.Time{},
	}
	var frames int
	err := h.withEth0(func(eth0 *net.Interface) (err error) {
		if w.echo, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP); err != nil {
			return missing("a raw network socket", err)
		}
		if err := unix.SetsockoptInt(w.echo, unix.SOL_RAW, icmpFilter, -1); err != nil {
			return os.NewSyscallError("setsockopt ICMP_FILTER", err)
		}
		frames, err = openPackets(eth0.Index)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s on %s: %w", prefix, h.Name, err), w.closeEcho())
	}
	w.file = os.NewFile(uintptr(frames), "packets")
	if w.raw, err = w.file.SyscallConn(); err == nil {
		w.close = sync.OnceValue(w.end)
		err = h.lab.begin(w, func() { w.ended.Go(w.read) })
	}
	if err != nil {
		return nil, errors.Join(err, w.file.Close(), w.closeEcho())
	}
	return w, nil
}

// Close ends the watch.
func (w *RangeWatch) Close() error { return w.close() }

func (w *RangeWatch) end() error {
	err := w.file.SetReadDeadline(time.Now())
	w.ended.Wait()
	return errors.Join(err, w.file.Close(), w.closeEcho())
}

func (w *RangeWatch) closeEcho() error {
	if w.echo < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(w.echo))
}

// Begin lets the host know every address of the range at another one, and writes down
// from now on what comes from any but that.
func (w *RangeWatch) Begin(at *Host) error {
	if err := w.learn(at); err != nil {
		return fmt.Errorf("let %s know %s at %s: %w", w.host.Name, w.prefix, at.Name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.old, w.first, w.done = MAC(at.Eth0.MAC), time.Time{}, make(chan struct{})
	clear(w.announced)
	clear(w.answered)
	return nil
}

// learn fills the neighbour cache. Entries that are learnt elsewhere do not count for its
// size, which is one for all of the machine, and are corrected by what hosts say like others.
func (w *RangeWatch) learn(at *Host) error {
	return w.host.ns.use(func(nl *netlink.Handle) error {
		eth0, err := nl.LinkByName(w.host.Eth0.Interface)
		if err != nil {
			return err
		}
		for addr := w.prefix.Addr(); w.prefix.Contains(addr); addr = addr.Next() {
			if err := nl.NeighSet(&netlink.Neigh{
				LinkIndex: eth0.Attrs().Index, State: unix.NUD_REACHABLE, Flags: netlink.NTF_EXT_LEARNED,
				IP: addr.AsSlice(), HardwareAddr: at.Eth0.MAC,
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wait returns how the range moved, once each address has answered from elsewhere.
func (w *RangeWatch) Wait(ctx context.Context) (RangeMove, error) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		w.mu.Lock()
		done, n := w.done, len(w.answered)
		w.mu.Unlock()
		select {
		case <-done:
			w.mu.Lock()
			defer w.mu.Unlock()
			move := RangeMove{w.first, w.last, w.answered}
			w.answered, w.done = map[netip.Addr]time.Time{}, nil
			return move, nil
		case <-ctx.Done():
			return RangeMove{}, fmt.Errorf("%d addresses of %s answer: %w", n, w.prefix, ctx.Err())
		case <-again.C:
			w.askAgain()
		}
	}
}

// askAgain pings what has not answered, as a client does whose first packet was lost.
func (w *RangeWatch) askAgain() {
	w.mu.Lock()
	begun := !w.first.IsZero()
	var missing []netip.Addr
	for addr := w.prefix.Addr(); begun && w.prefix.Contains(addr); addr = addr.Next() {
		if _, ok := w.answered[addr]; !ok {
			missing = append(missing, addr)
		}
	}
	w.mu.Unlock()
	var batch echoBatch
	for _, addr := range missing {
		if !batch.add(addr) {
			batch.send(w.echo, w.request)
		}
	}
	batch.send(w.echo, w.request)
}

// read takes the frames in, and asks whom they speak for: several at once, as a client that
// is slower than the kernels would be what is measured.
func (w *RangeWatch) read() {
	var frames frameBatch
	var asked echoBatch
	for {
		var n int
		var failed error
		err := w.raw.Read(func(fd uintptr) bool {
			n, failed = frames.receive(fd)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err != nil {
			return
		}
		for i := range n {
			frame, at, err := frames.frame(i)
			if err != nil || len(frame) < 42 {
				continue
			}
			if addr, ask := w.take(frame, at); ask {
				asked.add(addr) // there is room for one of each frame
			}
		}
		asked.send(w.echo, w.request)
	}
}

// take reads an ARP frame or an echo reply, and tells whom to ask.
func (w *RangeWatch) take(frame []byte, at time.Time) (addr netip.Addr, ask bool) {
	mac := MAC(frame[6:12])
	switch kind := binary.BigEndian.Uint16(frame[12:]); {
	case kind == unix.ETH_P_ARP:
		addr = netip.AddrFrom4([4]byte(frame[28:32]))
		return addr, w.note(mac, addr, at, false)
	case kind == unix.ETH_P_IP && frame[14] == 0x45 && frame[23] == unix.IPPROTO_ICMP && frame[34] == echoReply4 &&
		binary.BigEndian.Uint16(frame[38:]) == rangeEchoID:
		w.note(mac, netip.AddrFrom4([4]byte(frame[26:30])), at, true)
	}
	return addr, false
}

// note writes down that a host has spoken for an address, and reports whether that has
// not answered from there yet.
func (w *RangeWatch) note(mac MAC, addr netip.Addr, at time.Time, answer bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done == nil || mac == w.old || mac == MAC(w.host.Eth0.MAC) || !w.prefix.Contains(addr) {
		return false
	}
	if w.first.IsZero() {
		w.first = at
	}
	if _, ok := w.announced[addr]; !ok {
		w.announced[addr], w.last = struct{}{}, at
	}
	if _, ok := w.answered[addr]; ok {
		return false
	}
	if answer {
		w.answered[addr] = at
		if len(w.answered) == 1<<(32-w.prefix.Bits()) {
			close(w.done)
		}
	}
	return true
}
