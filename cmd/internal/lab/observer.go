package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// AskInterval is the time between two questions of an Observer for each address.
const AskInterval = 5 * time.Millisecond

// askers is how many source addresses the questions of an Observer take in turn, so
// that an answer tells to which question of the last askers × AskInterval it belongs.
const askers = 32

// Observer asks again and again, all of a segment, who has some addresses, and writes
// down every frame in which a host speaks for one of them. It asks under a MAC and
// addresses of its own: the host that it sits on sees no answers, and its neighbour
// cache stays as it is.
type Observer struct {
	addrs  []netip.Addr
	link   *Link
	mac    MAC
	socket *os.File
	raw    syscall.RawConn
	ticks  *os.File
	ended  sync.WaitGroup
	close  func() error

	mu   sync.Mutex
	asks []time.Time // when each question was asked, from number 0
	seen Observation
}

// Observation is what an Observer saw over some time.
type Observation struct {
	Sightings []Sighting
	Asked     int           // questions, each for every address
	Pause     time.Duration // longest time between two of them
	Dropped   int           // frames that the observer was too slow to read: it is blind for them
}

// Observe watches addrs from the host's eth0 until the Observer or the lab is closed.
func (h *Host) Observe(addrs ...netip.Addr) (*Observer, error) {
	o := &Observer{addrs: addrs, link: h.Eth0, mac: MAC(h.Eth0.MAC)}
	o.mac[1] = 0x0b // apart from all that Join gives
	var fd int
	err := h.withEth0(func(ifi *net.Interface) (err error) {
		fd, err = openPackets(ifi.Index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("observe from %s: %w", h.Name, err)
	}
	o.socket = os.NewFile(uintptr(fd), "packets")
	if o.raw, err = o.socket.SyscallConn(); err == nil {
		o.ticks, err = newTicks(AskInterval)
	}
	if err != nil {
		return nil, errors.Join(err, o.socket.Close())
	}
	o.close = sync.OnceValue(o.end)
	err = h.lab.begin(o, func() {
		o.ended.Go(o.watch)
		o.ended.Go(o.ask)
	})
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// openPackets opens a socket that gets all frames that come in on the interface, with
// the time when the kernel got them.
func openPackets(index int) (int, error) {
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, missing("a raw network socket", err)
	}
	err = errors.Join(
		os.NewSyscallError("setsockopt SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)),
		os.NewSyscallError("setsockopt SO_RCVBUFFORCE", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)),
		os.NewSyscallError("setsockopt PACKET_IGNORE_OUTGOING", unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)),
		os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: index})),
	)
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// Close ends the observation.
func (o *Observer) Close() error { return o.close() }

func (o *Observer) end() error {
	err := errors.Join(
		o.ticks.SetReadDeadline(time.Now()),
		o.socket.SetReadDeadline(time.Now()),
	)
	o.ended.Wait()
	return errors.Join(err, o.ticks.Close(), o.socket.Close())
}

// ask asks once a tick, until the deadline of the ticks.
func (o *Observer) ask() {
	missed := make([]byte, 8) // a number of ticks
	for number := 0; ; number++ {
		if _, err := o.ticks.Read(missed); err != nil {
			return
		}
		o.note(number)
		for _, addr := range o.addrs {
			// A question that cannot be sent is one that is not answered.
			_, _ = o.socket.Write(question(addr, o.mac, o.asker(addr, number)))
		}
	}
}

func (o *Observer) note(number int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if number > 0 {
		o.seen.Pause = max(o.seen.Pause, now.Sub(o.asks[number-1]))
	}
	o.asks = append(o.asks, now)
	o.seen.Asked++
}

// asker is who asks the question of that number: an address of the host's networks
// that no host has.
func (o *Observer) asker(addr netip.Addr, number int) netip.Addr {
	slot := byte(number % askers)
	if addr.Is4() {
		from := o.link.IPv4.Addr().As4()
		from[3] = 255 - askers + slot
		return netip.AddrFrom4(from)
	}
	from := o.link.IPv6.Addr().As16()
	from[13], from[14], from[15] = 0x0b, 0, slot
	return netip.AddrFrom16(from)
}

// watch reads frames until the socket's deadline.
func (o *Observer) watch() {
	frame := make([]byte, 256) // the start of a frame is enough
	meta := make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{}))))
	for {
		n, at, err := o.read(frame, meta)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if s, ok := readSighting(frame[:n]); err == nil && ok && slices.Contains(o.addrs, s.Addr) {
			s.At = at
			o.add(s)
		}
	}
}

func (o *Observer) read(frame, meta []byte) (n int, at time.Time, err error) {
	var nmeta int
	readErr := o.raw.Read(func(fd uintptr) bool {
		n, nmeta, _, _, err = unix.Recvmsg(int(fd), frame, meta, 0)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err := cmp.Or(readErr, err); err != nil {
		return 0, time.Time{}, err
	}
	at, err = parseTimestamp(meta[:nmeta])
	return n, at, err
}

func (o *Observer) add(s Sighting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.Kind == Answer {
		var ok bool
		if s.Ask, ok = o.askedBy(s); !ok {
			s.Kind = Speech
		}
	}
	o.seen.Sightings = append(o.seen.Sightings, s)
}

// askedBy returns the number of the question that an answer is for: the last one of
// its asker that was asked before the answer came. The caller holds mu.
func (o *Observer) askedBy(s Sighting) (int, bool) {
	for number := len(o.asks) - 1; number >= 0; number-- {
		if o.asker(s.Addr, number) == s.to && !o.asks[number].After(s.At) {
			return number, true
		}
	}
	return 0, false
}

// Take returns what was seen since the last Take. All that came in before the call is
// in it, as long as some address is answered for.
func (o *Observer) Take() (Observation, error) {
	o.catchUp(time.Now())
	dropped := 0
	err := o.raw.Control(func(fd uintptr) {
		if stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			dropped = int(stats.Drops)
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	seen.Dropped = dropped // the kernel counts from the last look
	o.seen = Observation{}
	return seen, err
}

// catchUp waits until a frame was read that came in after now, but not for long.
func (o *Observer) catchUp(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	tick := time.NewTicker(AskInterval)
	defer tick.Stop()
	for !o.sawSince(now) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (o *Observer) sawSince(at time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.seen.Sightings)
	return n > 0 && o.seen.Sightings[n-1].At.After(at)
}
