package e2e

import (
	bin "encoding/binary"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/perch-vip/perch/cmd/internal/lab"
)

// frame is one that a host sent.
type frame struct {
	at   time.Time // when the kernel got it
	data []byte
}

func (f frame) from() lab.MAC { return lab.MAC(f.data[6:12]) }

// sniffer keeps the frames that come out of a host.
type sniffer struct {
	keep func(frame) bool

	mu     sync.Mutex
	frames []frame
}

// sniff begins to keep those frames that come out of a host and that keep wants, until
// the case ends.
func (n *network) sniff(t *testing.T, from *lab.Host, keep func(frame) bool) *sniffer {
	t.Helper()
	var fd int
	must(t, n.sw.Do(func() (err error) {
		fd, err = packetSocket(from.Eth0.Port())
		return err
	}))
	file := os.NewFile(uintptr(fd), "frames")
	raw, err := file.SyscallConn()
	must(t, err)
	s := &sniffer{keep: keep}
	var reading sync.WaitGroup
	reading.Go(func() { s.read(raw) })
	t.Cleanup(func() {
		must(t, file.SetReadDeadline(time.Now()))
		reading.Wait()
		file.Close()
	})
	return s
}

// packetSocket opens a socket for all that comes in by an interface of the namespace of
// the calling thread, and to send by it.
func packetSocket(name string) (int, error) {
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	set(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	set(unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all & 0xffff, Ifindex: ifi.Index})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// read reads until the deadline of the socket.
func (s *sniffer) read(raw syscall.RawConn) {
	buf, meta := make([]byte, 2048), make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{}))))
	for {
		var n, nmeta int
		var err error
		ended := raw.Read(func(fd uintptr) bool {
			n, nmeta, _, _, err = unix.Recvmsg(int(fd), buf, meta, 0)
			return err != unix.EAGAIN
		})
		if ended != nil {
			return
		}
		f := frame{at: stampOf(meta[:nmeta]), data: buf[:n]}
		if err != nil || n < 14 || !s.keep(f) {
			continue
		}
		f.data = append([]byte(nil), f.data...)
		s.mu.Lock()
		s.frames = append(s.frames, f)
		s.mu.Unlock()
	}
}

func stampOf(meta []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(meta)
	if err != nil || len(messages) != 1 || len(messages[0].Data) < 16 {
		return time.Now()
	}
	sec, nsec := bin.NativeEndian.Uint64(messages[0].Data), bin.NativeEndian.Uint64(messages[0].Data[8:])
	return time.Unix(int64(sec), int64(nsec))
}

// take returns what was kept since the last take.
func (s *sniffer) take() []frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.frames
	s.frames = nil
	return frames
}
