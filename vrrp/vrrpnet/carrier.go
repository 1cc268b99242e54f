package vrrpnet

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// PollCarrier has WatchInterfaces told of carrier that came or went within a time.
// Without it the kernel may take a second: that is its pause between two notifications
// of this kind, in which it counts those of all interfaces and network namespaces of
// the machine. To ask for an interface ends the pause.
//
// It asks for the interfaces whose indices are returned by wanted, in the network
// namespace of the calling thread, until ctx ends, and then returns nil. While there are
// none it rests until changed receives something.
func PollCarrier(ctx context.Context, every time.Duration, changed <-chan struct{}, wanted func() []int) error {
	p, err := openCarrierPoll()
	if err != nil {
		return err
	}
	defer unix.Close(p.fd)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		indices := wanted()
		for _, index := range indices {
			p.ask(index)
		}
		tick := ticker.C
		if len(indices) == 0 {
			tick = nil
			ticker.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			ticker.Reset(every)
		case <-tick:
		}
	}
}

// carrierPoll is a socket, and what is written to it and read from it ten times a second.
type carrierPoll struct {
	fd     int
	query  []byte
	answer [1]byte // nobody reads what is in it
}

func openCarrierPoll() (*carrierPoll, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	q := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	q.AddRawData(linkQuery(0))
	return &carrierPoll{fd: fd, query: q.Serialize()}, nil
}

// ask asks for one interface, and drops the answer, which is there when the question is
// written. Without one the kernel tells later, and no router is to end for that.
func (p *carrierPoll) ask(index int) {
	const at = unix.SizeofNlMsghdr + 4
	binary.NativeEndian.PutUint32(p.query[at:], uint32(index))
	_, _ = unix.Write(p.fd, p.query)
	for {
		if _, err := unix.Read(p.fd, p.answer[:]); err != nil && err != unix.EINTR {
			return
		}
	}
}
