package lab

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// captured is what a Capture records, in the language of tcpdump.
const captured = "ip proto 112 or ip proto 51 or ip6 proto 112 or arp or icmp6"

// Capture records the adverts and announcements of a whole segment. It needs tcpdump(8),
// and tshark(1) to be read.
type Capture struct {
	file    string
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
	c := &Capture{file: file, process: process}
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
	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.process.Err(); err != nil {
		return fmt.Errorf("end of tcpdump: %w", err)
	}
	return nil
}
