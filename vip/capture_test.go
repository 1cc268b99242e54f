package vip

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// capturedFrame is a frame that arrived at peer0, and when.
type capturedFrame struct {
	at   time.Time
	data []byte
}

// listen captures what arrives at peer0.
func (l *lab) listen() {
	l.t.Helper()
	l.in(l.thereFD, func() {
		index := l.link(l.there, "peer0").Attrs().Index
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		l.must(err)
		l.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20))
		l.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
		all := uint16(unix.ETH_P_ALL)
		l.must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: index}))
		l.capture = os.NewFile(uintptr(fd), "capture")
	})
	l.t.Cleanup(func() { l.capture.Close() })
}

// heard returns all announcements that have arrived so far, in order.
func (l *lab) heard() []announcement {
	l.t.Helper()
	l.drain()
	var list []announcement
	for _, f := range l.captured {
		if a, ok := asAnnouncement(f); ok {
			list = append(list, a)
		}
	}
	return list
}

func (l *lab) drain() {
	l.t.Helper()
	raw, err := l.capture.SyscallConn()
	l.must(err)
	data, control := make([]byte, 2048), make([]byte, 256)
	l.must(raw.Control(func(fd uintptr) {
		for {
			n, c, _, from, err := unix.Recvmsg(int(fd), data, control, 0)
			if errors.Is(err, unix.EAGAIN) {
				return
			}
			if errors.Is(err, unix.ENETDOWN) {
				continue // peer0 was down in between
			}
			l.must(err)
			if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
				l.captured = append(l.captured, capturedFrame{stamp(control[:c]), slices.Clone(data[:n])})
			}
		}
	}))
}

func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 || len(messages[0].Data) < 16 {
		return time.Time{}
	}
	d := messages[0].Data
	return time.Unix(int64(binary.NativeEndian.Uint64(d)), int64(binary.NativeEndian.Uint64(d[8:])))
}

// announcement is a frame that announces an address.
type announcement struct {
	at   time.Time
	kind string // "request", "reply", "na" or "na-router"
	addr netip.Addr
	mac  hwAddr
}

func asAnnouncement(f capturedFrame) (announcement, bool) {
	if a, err := parseARP(f.data); err == nil && a.sender == a.target && a.dst == broadcast {
		kind := map[uint16]string{arpRequest: "request", arpReply: "reply"}[a.op]
		return announcement{f.at, kind, a.sender, a.senderMAC}, true
	}
	if a, err := parseNA(f.data); err == nil && a.flags&naOverride != 0 && a.from == a.target && a.to == allNodes {
		kind := "na"
		if a.flags&naRouter != 0 {
			kind = "na-router"
		}
		return announcement{f.at, kind, a.target, a.mac}, true
	}
	return announcement{}, false
}

// kinds are the announcements of one address that have arrived, as "request reply".
func (l *lab) kinds(addr string) string {
	l.t.Helper()
	var kinds []string
	for _, a := range l.heard() {
		if a.addr == netip.MustParseAddr(addr) {
			kinds = append(kinds, a.kind)
		}
	}
	return strings.Join(kinds, " ")
}
