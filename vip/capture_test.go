package vip

import (
	"bytes"
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

// asAnnouncement finds out whether a frame is an announcement as it must be, to
// the last bit.
func asAnnouncement(f capturedFrame) (announcement, bool) {
	if len(f.data) < arpFrameLength {
		return announcement{}, false
	}
	mac := hwAddr(f.data[6:])
	addr4 := netip.AddrFrom4([4]byte(f.data[28:]))
	addr6 := netip.AddrFrom16([16]byte(f.data[22:]))
	for kind, frame := range map[string][]byte{
		"request":   gratuitousARP(arpRequest, mac, addr4).appendTo(nil),
		"reply":     gratuitousARP(arpReply, mac, addr4).appendTo(nil),
		"na":        unsolicitedNA(mac, addr6, 0).appendTo(nil),
		"na-router": unsolicitedNA(mac, addr6, naRouter).appendTo(nil),
	} {
		if !bytes.Equal(frame, f.data) {
			continue
		}
		if strings.HasPrefix(kind, "na") {
			return announcement{f.at, kind, addr6, mac}, true
		}
		return announcement{f.at, kind, addr4, mac}, true
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
