package lab

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Timing notes when each VRRP advert over IPv4 that a host sends by a link comes in at the
// switch, by the kernel's clock. The kernel writes them down, and nobody reads until the end,
// so that the adverts are not disturbed by who times them.
type Timing struct {
	link *Link
	fd   int
	ring []byte
}

// Each advert has a frame of the ring: the kernel's header, and the first bytes of the packet.
const (
	timingFrame = 128
	timingBlock = 1 << 20
	vridAt      = 14 + 20 + 1 // behind the headers of Ethernet and, without options, IPv4
)

// Time begins to note adverts, of which there is room for at least so many. It must be closed.
func (l *Link) Time(room int) (*Timing, error) {
	t := &Timing{link: l}
	err := l.withPort("time the adverts by", func(_ *netlink.Handle, port netlink.Link) error {
		return l.sw.ns.do(func() (err error) {
			t.fd, err = openAdverts(port.Attrs().Index, func(fd int) error { return t.mapRing(fd, room) })
			return err
		})
	})
	if err != nil {
		return nil, errors.Join(err, t.unmap())
	}
	return t, nil
}

// mapRing gives the socket a ring.
func (t *Timing) mapRing(fd, room int) error {
	blocks := (room*timingFrame + timingBlock - 1) / timingBlock
	size := &unix.TpacketReq{
		Block_size: timingBlock, Block_nr: uint32(blocks),
		Frame_size: timingFrame, Frame_nr: uint32(blocks * timingBlock / timingFrame),
	}
	err := errors.Join(
		os.NewSyscallError("setsockopt PACKET_VERSION", unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2)),
		os.NewSyscallError("setsockopt PACKET_RX_RING", unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, size)),
	)
	if err != nil {
		return err
	}
	t.ring, err = unix.Mmap(fd, 0, blocks*timingBlock, unix.PROT_READ, unix.MAP_SHARED)
	return os.NewSyscallError("mmap", err)
}

// Times returns when the adverts have come in until now, the first one first, by VRID. It is
// an error if any of them was lost.
func (t *Timing) Times() (map[uint8][]time.Time, error) {
	stats, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return nil, fmt.Errorf("time the adverts of %s: %w", t.link.host.Name, os.NewSyscallError("getsockopt PACKET_STATISTICS", err))
	}
	if stats.Drops > 0 {
		return nil, fmt.Errorf("time the adverts of %s: %d of %d were lost", t.link.host.Name, stats.Drops, stats.Packets)
	}
	times := map[uint8][]time.Time{}
	for frame := t.ring; len(frame) > 0; frame = frame[timingFrame:] {
		h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&frame[0]))
		if atomic.LoadUint32(&h.Status)&unix.TP_STATUS_USER == 0 {
			break
		}
		vrid := frame[h.Mac:][vridAt]
		times[vrid] = append(times[vrid], time.Unix(int64(h.Sec), int64(h.Nsec)))
	}
	return times, nil
}

// Close ends it.
func (t *Timing) Close() error { return errors.Join(t.unmap(), unix.Close(t.fd)) }

func (t *Timing) unmap() error {
	if t.ring == nil {
		return nil
	}
	ring := t.ring
	t.ring = nil
	return os.NewSyscallError("munmap", unix.Munmap(ring))
}
