package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// captured is what a Capture records, in the language of tcpdump.
const captured = "ip proto 112 or ip proto 51 or ip6 proto 112 or arp or icmp6 or ether proto 0x88b5"

// lastWords are in the frame that a capture ends with, whose EtherType is for experiments.
const lastWords = "the end of this capture"

// Capture records the adverts and announcements of a whole segment. It needs tcpdump(8),
// and tshark(1) to be read.
type Capture struct {
	file    string
	sw      *Switch
	process *Process
	close   func() error
}

// Capture records what goes through the switch from now on in the new file.
func (l *Lab) Capture(sw *Switch, file string) (*Capture, error) {
	// Not -p: a bridge shows what it forwards only to who asks for all of it.
	cmd := exec.Command("tcpdump", "-i", "switch", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", file, captured)
	process, err := sw.ns.start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start tcpdump on a switch: %w", err)
	}
	c := &Capture{file: file, sw: sw, process: process}
	c.close = sync.OnceValue(c.end)
	if err := l.begin(c, func() {}); err != nil {
		process.kill()
		return nil, fmt.Errorf("start tcpdump on a switch: %w", err)
	}
	return c, c.await()
}

// await waits until tcpdump has written the head of the file, which it does once it
// records.
func (c *Capture) await() error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if info, err := os.Stat(c.file); err == nil && info.Size() > 0 {
			return nil
		}
		select {
		case <-c.process.Done():
			return fmt.Errorf("tcpdump on a switch has ended: %w", c.process.Err())
		case <-tick.C:
		}
	}
}

// Close ends the capture.
func (c *Capture) Close() error { return c.close() }

func (c *Capture) end() error {
	if err := c.catchUp(); err != nil {
		return err
	}
	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.process.Err(); err != nil {
		return fmt.Errorf("end of tcpdump: %w", err)
	}
	return nil
}

// catchUp waits until tcpdump has written all frames until now: told to end, it drops those
// that it has not read, which on a busy machine may be all.
func (c *Capture) catchUp() error {
	if err := c.sw.Do(func() error { return sendFrame("switch", []byte(lastWords)) }); err != nil {
		return fmt.Errorf("send the last frame of a capture: %w", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(catchUpLimit); ; {
		if text, err := os.ReadFile(c.file); err != nil || bytes.Contains(text, []byte(lastWords)) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("tcpdump on a switch has not caught up within %s", catchUpLimit)
		}
		select {
		case <-c.process.Done():
			return fmt.Errorf("tcpdump on a switch has ended: %w", c.process.Err())
		case <-tick.C:
		}
	}
}

// catchUpLimit is for a machine that has more to do.
const catchUpLimit = time.Minute

// sendFrame sends an Ethernet frame to all from an interface of the thread's namespace.
func sendFrame(name string, payload []byte) error {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	frame := bytes.Repeat([]byte{0xff}, 6)
	frame = append(frame, ifi.HardwareAddr...)
	frame = append(frame, 0x88, 0xb5)
	frame = append(frame, payload...)
	return os.NewSyscallError("sendto", unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifi.Index}))
}
